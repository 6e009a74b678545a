"""A sample of benchmarks/reliability_inputs.py, what bad input says for itself, and that reading stays quick."""

from time import process_time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from attempts import try_cases

from skautoseqrec._data.reading import read_columns

N_ROWS = 10**6
BAD_ROW = N_ROWS - 3


def test_every_case_works_or_is_refused_by_the_package():
    counted = try_cases(500, derandomize=True)
    assert min(sum(n for (_, outcome), n in counted.items() if outcome == each) for each in ("worked", "refused")) > 50


def a_million_rows(kind, bad):
    items = np.arange(N_ROWS) % 1000
    if kind == "integers":
        log = pd.DataFrame({"user_id": items, "item_id": items, "timestamp": items.astype(float)})
        log.loc[BAD_ROW, "timestamp"] = np.inf if bad else 0.0
    elif kind == "strings":
        log = pl.DataFrame({"user_id": items, "item_id": items.astype(str)})
        log[BAD_ROW, "item_id"] = None if bad else "a"
    elif kind == "objects":
        log = pd.DataFrame({"user_id": items, "item_id": items.astype(object)})
        log.loc[BAD_ROW, "item_id"] = True if bad else 1
    else:
        log = [*zip(items.tolist(), items.tolist(), strict=True)]
        log[BAD_ROW] = (1, 1j if bad else 1)
    return log


@pytest.mark.parametrize("kind", ["integers", "strings", "objects", "rows"])
def test_a_million_rows_with_a_bad_one_are_refused_as_soon_as_good_ones_are_read(kind):
    good, bad = (a_million_rows(kind, is_bad) for is_bad in (False, True))
    seconds = {"good": [], "bad": []}
    for _ in range(3):  # the best of three, for the machine may be busy
        start = process_time()
        assert len(read_columns(good).user_ids) == N_ROWS
        seconds["good"].append(process_time() - start)
        start = process_time()
        with pytest.raises((TypeError, ValueError), match=f"row {BAD_ROW}"):
            read_columns(bad)
        seconds["bad"].append(process_time() - start)
    # The bad value is looked for in Python where it is an object, which takes four times as long.
    assert min(seconds["bad"]) < 12 * min(seconds["good"]) + 0.1
