#!/usr/bin/env python3
"""Writes small exports of scikit-learn, LightGBM and XGBoost with what those libraries themselves predict.

For each export: `NAME/model.onnx`, `NAME/columns.json` if the network does not name its columns, and `NAME/cases.json.gz` with
1,000 rows of data that the model was not fitted on.
"""
import gzip
import json
import sys
from pathlib import Path

import lightgbm
import numpy as np
import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as Floats
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import data

ROWS = 1000
OPSETS = {"": 18, "ai.onnx.ml": 3}
OUT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
(train, train_risk, train_score), (test, test_risk, _) = data.table(1500, 1), data.table(ROWS, 2)
risky, classes = (train_risk == "high").astype(np.int64), {name: place for place, name in enumerate(data.RISKS)}
train_class = np.array([classes[risk] for risk in train_risk])
KINDS = {"region": StringTensorType, "purpose": StringTensorType, "income": FloatTensorType, "debt": FloatTensorType, "years": Int64TensorType}
TYPES = [(name, kind([None, 1])) for name, kind in KINDS.items()]
MATRIX = [("X", FloatTensorType([None, len(data.COLUMNS)]))]


def save(name, network, columns, rows, expected, stored_columns=False):
    """Writes the files of one export. A missing value is null."""
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(network.SerializeToString())
    if stored_columns:
        (folder / "columns.json").write_text(json.dumps({"columns": columns}) + "\n")
    plain = lambda value: None if value is None or value == "" or value != value else value
    number = lambda value: plain(float(str(value))) if isinstance(value, np.floating) else value
    rows = [[plain(number(value.item() if isinstance(value, np.integer) else value)) for value in row] for row in rows]
    cases = {"columns": columns, "rows": rows, **expected}
    with gzip.GzipFile(folder / "cases.json.gz", "wb", 9, mtime=0) as file:
        file.write(json.dumps(cases, ensure_ascii=False, separators=(",", ":")).encode())
    print(f"{name}: {sum(path.stat().st_size for path in folder.iterdir())} bytes")


def classified(labels, classes, scores):
    """The labels, and the score of every class."""
    return {"classes": [c.item() if hasattr(c, "item") else c for c in classes], "labels": np.asarray(labels).tolist(), "scores": np.round(scores.astype(float), 7).tolist()}


def probabilities(model, rows):
    return classified(model.predict(rows), model.classes_, model.predict_proba(rows))


def cells(frame):
    """The rows of `frame` as lists of NumPy values."""
    columns = [frame[name].to_numpy() for name in frame]
    return [[column[row] for column in columns] for row in range(len(frame))]


def columns_of(scaled):
    """Imputes and encodes the columns of the table; `scaled` also scales the numbers."""
    strings = make_pipeline(SimpleImputer(missing_values="", strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    steps = [SimpleImputer(strategy="median"), *([StandardScaler()] if scaled else [])]
    return ColumnTransformer([("strings", strings, ["region", "purpose"]), ("numbers", make_pipeline(*steps), ["income", "debt"]), ("years", "passthrough", ["years"])])


def sklearn_columns():
    forest = make_pipeline(columns_of(False), RandomForestClassifier(8, max_depth=7, random_state=0)).fit(train, train_risk)
    onnx = to_onnx(forest, initial_types=TYPES, target_opset=OPSETS)
    save("forest-columns", onnx, data.COLUMNS, cells(test), probabilities(forest, test))
    logistic = make_pipeline(columns_of(True), LogisticRegression(max_iter=500)).fit(train, risky)
    onnx = to_onnx(logistic, initial_types=TYPES, target_opset=OPSETS)
    save("logistic-columns", onnx, data.COLUMNS, cells(test), probabilities(logistic, test))
    boosted = make_pipeline(columns_of(False), GradientBoostingClassifier(n_estimators=12, random_state=0)).fit(train, train_risk)
    onnx = to_onnx(boosted, initial_types=TYPES, target_opset=OPSETS, options={id(boosted.steps[-1][1]): {"zipmap": False}})
    save("boosting-no-zipmap", onnx, data.COLUMNS, cells(test), probabilities(boosted, test))
    raw = {id(logistic.steps[-1][1]): {"zipmap": False, "raw_scores": True}}
    onnx = to_onnx(logistic, initial_types=TYPES, target_opset=OPSETS, options=raw)
    decision = logistic.decision_function(test)
    save("logistic-raw-scores", onnx, data.COLUMNS, cells(test), classified(logistic.predict(test), logistic.classes_, np.column_stack([-decision, decision])))
    regressor = make_pipeline(columns_of(False), GradientBoostingRegressor(n_estimators=20, random_state=0)).fit(train, train_score)
    expected = {"values": np.round(regressor.predict(test), 7).tolist()}
    save("boosting-regressor", to_onnx(regressor, initial_types=TYPES, target_opset=OPSETS), data.COLUMNS, cells(test), expected)


def sklearn_matrix():
    rows, tested = data.matrix(train), data.matrix(test)
    logistic = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500)).fit(rows, train_risk)
    raw = {id(logistic.steps[-1][1]): {"zipmap": False, "raw_scores": True}}
    onnx = to_onnx(logistic, initial_types=MATRIX, target_opset=OPSETS, options=raw)
    expected = classified(logistic.predict(tested), logistic.classes_, logistic.decision_function(tested))
    save("logistic-raw-matrix", onnx, data.COLUMNS, list(tested), expected, stored_columns=True)


def sklearn_text():
    (texts, topics), (tested, _) = data.sentences(600, 3), data.sentences(ROWS, 4)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, topics)
    # The converter's own expression knows ASCII letters only.
    words = {id(model.steps[0][1]): {"tokenexp": r"[\pL\pN_][\pL\pN_]+"}}
    onnx = to_onnx(model, initial_types=[("text", StringTensorType([None, 1]))], target_opset=OPSETS, options=words)
    save("tfidf-text", onnx, ["text"], [[text] for text in tested], probabilities(model, tested))


def boosting():
    rows, tested = data.matrix(train), data.matrix(test)
    light = lightgbm.LGBMClassifier(n_estimators=15, num_leaves=15, random_state=0, verbose=-1).fit(rows, risky)
    onnx = onnxmltools.convert_lightgbm(light, initial_types=[("input", Floats([None, 5]))], target_opset=15)
    save("lightgbm-binary", onnx, data.COLUMNS, list(tested), probabilities(light, tested), stored_columns=True)
    for name, target in [("xgboost-binary", risky), ("xgboost-multiclass", train_class)]:
        extreme = xgboost.XGBClassifier(n_estimators=10, max_depth=4, random_state=0).fit(rows, target)
        onnx = onnxmltools.convert_xgboost(extreme, initial_types=[("input", Floats([None, 5]))], target_opset=15)
        save(name, onnx, data.COLUMNS, list(tested), probabilities(extreme, tested), stored_columns=True)
    extreme = xgboost.XGBRegressor(n_estimators=10, max_depth=4, random_state=0).fit(rows, train_score)
    onnx = onnxmltools.convert_xgboost(extreme, initial_types=[("input", Floats([None, 5]))], target_opset=15)
    expected = {"values": np.round(extreme.predict(tested).astype(float), 7).tolist()}
    save("xgboost-regressor", onnx, data.COLUMNS, list(tested), expected, stored_columns=True)


if __name__ == "__main__":
    for part in [sklearn_columns, sklearn_matrix, sklearn_text, boosting]:
        part()
