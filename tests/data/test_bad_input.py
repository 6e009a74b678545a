"""A sample of benchmarks/reliability_inputs.py, what bad input says for itself, and that reading stays quick."""

from time import perf_counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from attempts import try_cases

from skautoseqrec._data.reading import read_columns

N_ROWS = 10**6


def test_every_case_works_or_is_refused_by_the_package():
    counted = try_cases(500, derandomize=True)
    assert min(sum(n for (_, outcome), n in counted.items() if outcome == each) for each in ("worked", "refused")) > 50


@pytest.mark.parametrize("kind", ["integers", "strings", "objects", "rows"])
def test_a_million_rows_with_a_bad_one_are_refused_quickly(kind):
    items = np.arange(N_ROWS) % 1000
    if kind == "integers":
        frame = pd.DataFrame({"user_id": items, "item_id": items, "timestamp": items.astype(float)})
        frame.loc[N_ROWS - 3, "timestamp"] = np.inf
    elif kind == "strings":
        frame = pl.DataFrame({"user_id": items, "item_id": items.astype(str)})
        frame[N_ROWS - 3, "item_id"] = None
    elif kind == "objects":
        frame = pd.DataFrame({"user_id": items, "item_id": items.astype(object)})
        frame.loc[N_ROWS - 3, "item_id"] = True
    else:
        frame = [*zip(items.tolist(), items.tolist(), strict=True)]
        frame[N_ROWS - 3] = (1, 1j)
    start = perf_counter()
    with pytest.raises((TypeError, ValueError), match=f"row {N_ROWS - 3}"):
        read_columns(frame)
    assert perf_counter() - start < 30  # two orders above what it takes alone
