"""Exports of `tabular-classification` and `tabular-regression`: scikit-learn, LightGBM and XGBoost."""

import gzip
import json
import os

import joblib
import numpy
import onnxruntime
import pandas
from lightgbm import LGBMClassifier
from onnxmltools.convert import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as ToolsFloat
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from . import corpus, inputs
from .customers import NUMBERS, WORDS, table, targets
from .export import Case, Export, rounded

ROWS = 1000
OPSET = {"": 17, "ai.onnx.ml": 3}
TYPES = {
    "city": StringTensorType,
    "plan": StringTensorType,
    "age": FloatTensorType,
    "income": FloatTensorType,
    "visits": Int64TensorType,
}


TRAIN, TEST = table(600, 1), table(ROWS, 2)
LABELS, VALUES = targets(TRAIN, 3)


def _columns(numbers):
    words = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer(
        [("words", words, WORDS), ("numbers", numbers, NUMBERS), ("rest", "passthrough", ["visits"])]
    )


def _forest():
    forest = RandomForestClassifier(8, max_depth=5, random_state=0, n_jobs=1)
    return make_pipeline(_columns(SimpleImputer()), forest).fit(TRAIN, LABELS)


def _logistic():
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return make_pipeline(_columns(numbers), LogisticRegression(max_iter=2000)).fit(TRAIN, LABELS)


def _ridge():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(_columns(numbers), Ridge()).fit(TRAIN, VALUES)


def _boosted_regressor():
    boosted = GradientBoostingRegressor(n_estimators=20, max_depth=3, random_state=0)
    return make_pipeline(_columns(SimpleImputer()), boosted).fit(TRAIN, VALUES)


MATRIX = ["age", "income", "visits"]


def _matrix(frame):
    return frame[MATRIX].to_numpy(numpy.float32)


def _matrix_logistic():
    numbers = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=2000))
    return numbers.fit(_matrix(TRAIN), (LABELS == "upgrade").astype(numpy.int64))


def _lightgbm():
    booster = LGBMClassifier(n_estimators=6, num_leaves=7, verbose=-1, n_jobs=1, deterministic=True)
    return booster.fit(_matrix(TRAIN), numpy.unique(LABELS, return_inverse=True)[1])


def _xgboost():
    booster = XGBClassifier(n_estimators=6, max_depth=3, n_jobs=1)
    return booster.fit(_matrix(TRAIN), numpy.unique(LABELS, return_inverse=True)[1])


LANGUAGES = ["en"] * len(corpus.ENGLISH + corpus.TRAINING[:14]) + ["other"] * (len(corpus.ACCENTED) + 2)
SENTENCES = corpus.ENGLISH + corpus.TRAINING[:14] + corpus.ACCENTED + corpus.TRAINING[14:]


def _words(lowercase):
    def build():
        vectors = TfidfVectorizer(analyzer="word", lowercase=lowercase, token_pattern="[a-zA-Z]+")
        return make_pipeline(vectors, LogisticRegression(C=10)).fit(SENTENCES, LANGUAGES)

    return build


def _from_columns(**options):
    def convert(model):
        types = [(name, kind([None, 1])) for name, kind in TYPES.items()]
        settings = {id(model.steps[-1][1]): options} if options else None
        return to_onnx(model, initial_types=types, target_opset=OPSET, options=settings)

    return convert


def _from_matrix(model):
    return to_onnx(model, initial_types=[("X", FloatTensorType([None, 3]))], target_opset=OPSET)


def _from_text(model):
    return to_onnx(model, initial_types=[("text", StringTensorType([None, 1]))], target_opset=OPSET)


def _from_lightgbm(model):
    return convert_lightgbm(model, initial_types=[("input", ToolsFloat([None, 3]))], target_opset=15)


def _from_xgboost(model):
    return convert_xgboost(model, initial_types=[("input", ToolsFloat([None, 3]))], target_opset=15)


class _Saved:
    def __init__(self, model):
        self.model = model

    def save_pretrained(self, folder):
        os.makedirs(folder)
        joblib.dump(self.model, os.path.join(folder, "model.joblib"))


def _load(checkpoint):
    return joblib.load(os.path.join(checkpoint, "model.joblib"))


def _objects(frame):
    """Rows as JSON objects; missing values are null."""
    rows = []
    for record in frame.to_dict("records"):
        row = {key: None if value == "" or value != value else value for key, value in record.items()}
        rows.append({key: float(str(numpy.float32(v))) if isinstance(v, float) else v for key, v in row.items()})
    return rows


def _lists(frame):
    """Rows as JSON lists, for a network whose one input has no column names."""
    return [[row[name] for name in MATRIX] for row in _objects(frame[MATRIX])]


def _answer(prepare):
    """Predictions of the model for rows of a request; the request's nulls become what scikit-learn was trained with."""

    def answer(checkpoint, case):
        return predict(_load(checkpoint), prepare(case.inputs))

    return answer


def _frame(rows):
    frame = pandas.DataFrame(rows, columns=list(TYPES))
    for column in WORDS:
        frame[column] = [value if isinstance(value, str) else "" for value in frame[column]]
        frame[column] = frame[column].astype(object)
    for column in NUMBERS:
        frame[column] = frame[column].astype(numpy.float32)
    return frame


def _array(rows):
    return numpy.array([[numpy.nan if value is None else value for value in row] for row in rows], numpy.float32)


def predict(model, rows):
    """Labels with probabilities, highest first, equal ones in the classes' order; or numbers."""
    if not hasattr(model, "predict_proba"):
        return [float(value) for value in model.predict(rows)]
    classes = [c if isinstance(c, str) else str(int(c)) for c in model.classes_]
    answers = []
    for scores in model.predict_proba(rows):
        order = numpy.argsort(-scores, kind="stable")
        answers.append([{"label": classes[i], "score": float(scores[i])} for i in order])
    return answers


def _write(convert, rows, prepare, feed):
    """Converts, compares with ONNX Runtime, and writes all rows beside the cases."""

    def write(export, checkpoint, folder):
        model = _load(checkpoint)
        network = convert(model)
        _settle(network, export.name)
        os.makedirs(folder)
        with open(os.path.join(folder, "model.onnx"), "wb") as file:
            file.write(network.SerializeToString())
        if rows is None:
            return
        predictions = predict(model, prepare(rows))
        _compare(network, feed(prepare(rows)), model, prepare(rows))
        document = json.dumps({"inputs": rows, "predictions": rounded(predictions)}, ensure_ascii=False)
        path = os.path.join(inputs.ROOT, "cases", f"{export.name}.rows.json.gz")
        with open(path, "wb") as file:
            file.write(gzip.compress(document.encode(), 9, mtime=0))

    return write


def _settle(network, name):
    """Replaces what differs from run to run: the graph's random name, and the order of operator sets."""
    network.graph.name = name
    sets = sorted(network.opset_import, key=lambda item: item.domain)
    copies = [(item.domain, item.version) for item in sets]
    del network.opset_import[:]
    for domain, version in copies:
        network.opset_import.add(domain=domain, version=version)


def _compare(network, feed, model, rows):
    output = onnxruntime.InferenceSession(network.SerializeToString()).run(None, feed)
    if not hasattr(model, "predict_proba"):
        numpy.testing.assert_allclose(output[0].ravel(), model.predict(rows), atol=1e-5, rtol=1e-5)
        return
    scores = output[1]
    if len(output) > 2:
        scores = numpy.stack(output[1:], 1).reshape(len(rows), -1)
    elif isinstance(scores, list):
        scores = numpy.array([[row[c] for c in model.classes_] for row in scores])
    numpy.testing.assert_allclose(scores, model.predict_proba(rows), atol=1e-5)


def _feed_columns(frame):
    return {name: frame[name].to_numpy().reshape(-1, 1) for name in TYPES}


def _cases(rows):
    return [
        Case("one", rows[:1]),
        Case("several", rows[:5]),
        Case("missing values", [row for row in rows if None in (row.values() if isinstance(row, dict) else row)][:4]),
    ]


TEXT_CASES = [
    Case("one", [{"text": "The cat sleeps."}]),
    Case("several", [{"text": "Le CAFÉ est fermé"}, {"text": "NEW YORK"}, {"text": "die Stadt"}]),
]
OBJECTS, LISTS = _objects(TEST), _lists(TEST)


def _export(name, kind, build, convert, cases, prepare, rows=None, feed=None, **options):
    return Export(
        name,
        f"tabular-{kind}",
        "",
        lambda: [_Saved(build())],
        _answer(prepare),
        cases,
        export=_write(convert, rows, prepare, feed),
        oracle="scikit-learn",
        **options,
    )


def _by_columns(name, kind, build, **options):
    return _export(name, kind, build, _from_columns(**options), _cases(OBJECTS), _frame, OBJECTS, _feed_columns)


def _by_matrix(name, build, convert, source="X"):
    return _export(
        name, "classification", build, convert, _cases(LISTS), _array, LISTS, lambda matrix: {source: matrix}
    )


def _texts(rows):
    return [row["text"] for row in rows]


EXPORTS = [
    _by_columns("sklearn-forest-classification", "classification", _forest),
    _by_columns("sklearn-logistic-without-zipmap", "classification", _logistic, zipmap=False),
    _by_columns("sklearn-ridge-regression", "regression", _ridge),
    _by_columns("sklearn-boosted-regression", "regression", _boosted_regressor),
    _by_matrix("sklearn-matrix-classification", _matrix_logistic, _from_matrix),
    _by_matrix("lightgbm-classification", _lightgbm, _from_lightgbm, "input"),
    _by_matrix("xgboost-classification", _xgboost, _from_xgboost, "input"),
    _export("sklearn-text-classification", "classification", _words(False), _from_text, TEXT_CASES, _texts),
    _export("sklearn-text-with-locale", "classification", _words(True), _from_text, TEXT_CASES, _texts),
]
