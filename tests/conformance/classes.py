"""The classes of the values that the cases of the classification extension send."""

from __future__ import annotations

EXPECTED_CLASSES: dict[bool, dict[int, list[list[str]]]] = {
    # A model with a batch: each row has classes.
    True: {
        2: [["0.500000:1", "0.250000:0"], ["3.000000:0", "2.000000:2"]],
        9: [["0.500000:1", "0.250000:0", "-1.000000:2"], ["3.000000:0", "2.000000:2", "1.000000:1"]],
    },
    # Without one, all values are of one row.
    False: {
        2: [["3.000000:3", "2.000000:5"]],
        9: [["3.000000:3", "2.000000:5", "1.000000:4", "0.500000:1", "0.250000:0", "-1.000000:2"]],
    },
}
"""By whether the model has a batch, and by the number of classes that are asked for: the texts for
[[0.25, 0.5, -1], [3, 1, 2]]."""
