"""A synthetic table of loans: strings, numbers and missing values, the same for each run."""
import numpy as np
import pandas as pd

COLUMNS = ["region", "purpose", "income", "debt", "years"]
REGIONS, PURPOSES = ["north", "south", "east", "west"], ["car", "house", "school", "travel", "other"]
RISKS = np.array(["high", "low", "medium"])


def table(rows, seed):
    """`rows` rows and the risk of each. Strings miss as "", numbers as NaN; `years` is never missing."""
    random = np.random.default_rng(seed)
    region, purpose = random.choice(REGIONS, rows), random.choice(PURPOSES, rows, p=[0.3, 0.3, 0.15, 0.15, 0.1])
    income, debt = random.gamma(4.0, 12.0, rows).round(2), random.gamma(2.0, 8.0, rows).round(2)
    years = random.integers(0, 31, rows)
    score = income / 20 - debt / 9 + years / 12 + np.isin(region, ["north", "west"]) - 0.8 * (purpose == "travel")
    score = score + random.normal(0, 0.7, rows)
    risk = RISKS[np.select([score < 0.8, score > 2.2], [0, 1], 2)]
    region, purpose = region.astype(object), purpose.astype(object)
    region[random.random(rows) < 0.06], purpose[random.random(rows) < 0.06] = "", ""
    income[random.random(rows) < 0.08], debt[random.random(rows) < 0.08] = np.nan, np.nan
    columns = {"region": region, "purpose": purpose, "income": income, "debt": debt, "years": years}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object if values.dtype == object else None) for name, values in columns.items()})
    return frame.astype({"income": np.float32, "debt": np.float32, "years": np.int64}), risk, score.astype(np.float32)


def matrix(frame):
    """The same table as one matrix of numbers: the place of a string in its list, NaN if it is missing."""
    place = lambda values, known: np.array([known.index(value) if value else np.nan for value in values], np.float32)
    places = [place(frame["region"], REGIONS), place(frame["purpose"], PURPOSES)]
    return np.column_stack([*places, frame["income"], frame["debt"], frame["years"].astype(np.float32)]).astype(np.float32)


def sentences(rows, seed):
    """Short texts in upper and lower case, with letters beyond ASCII, and the topic of each."""
    random = np.random.default_rng(seed)
    words = {
        "food": ["Crème", "brûlée", "BREAD", "soup", "Köche", "salt", "Pâté", "oven", "SPICE"],
        "music": ["Violin", "CHORUS", "Étude", "tempo", "Größe", "opera", "drum", "Ópera", "SONG"],
        "sport": ["Goal", "MATCH", "fußball", "score", "Équipe", "ball", "RACE", "coach", "Übung"],
    }
    common = ["The", "a", "VERY", "good", "new", "old", "and", "of"]
    topics = random.choice(sorted(words), rows)
    text = lambda topic: " ".join(random.choice([*words[topic], *common, *random.choice(words["food"], 2)], random.integers(3, 9)))
    return np.array([text(topic) for topic in topics], dtype=object), topics
