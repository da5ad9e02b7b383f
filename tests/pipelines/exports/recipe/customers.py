"""A table of customers, drawn by chance, for the tabular exports."""

import numpy
import pandas

WORDS, NUMBERS = ["city", "plan"], ["age", "income"]


def table(rows, seed):
    """Customers: two columns of strings (`""` is a missing one), two of floats (NaN is a missing one), one of integers.

    The floats are exact in FP32: boosters compare in FP64, their ONNX forms in FP32, and halves cannot fall between.
    """
    random = numpy.random.RandomState(seed)
    frame = pandas.DataFrame(
        {
            "city": random.choice(["Berlin", "Zürich", "São Paulo", "東京", "New York", ""], rows),
            "plan": random.choice(["free", "basic", "pro"], rows),
            "age": (random.uniform(36, 180, rows).round() / 2).astype(numpy.float32),
            "income": (random.lognormal(11.4, 0.6, rows).round() / 4).astype(numpy.float32),
            "visits": random.poisson(4, rows).astype(numpy.int64),
        }
    )
    for column in WORDS:
        frame[column] = frame[column].astype(object)
    for column in NUMBERS:
        frame.loc[random.rand(rows) < 0.15, column] = numpy.nan
    return frame


def targets(frame, seed):
    """A label, and a number, that depend on the columns and on chance."""
    random = numpy.random.RandomState(seed)
    age, income = frame["age"].fillna(50), frame["income"].fillna(20000)
    value = 0.02 * age + income / 30000 + 0.2 * frame["visits"] + (frame["plan"] == "pro") * 0.8
    value += (frame["city"] == "Berlin") * 0.5 + random.randn(len(frame)) * 0.4
    label = numpy.array(["churn", "stay", "upgrade"], object)[numpy.digitize(value, [2.3, 3.4])]
    return label, value.to_numpy()
