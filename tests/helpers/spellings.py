"""One log in many spellings: frames, rows, arrays."""

import pandas as pd
import polars as pl
import pyarrow as pa

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


def frame_of(log, make=pd.DataFrame):
    names = ["user_id", "item_id", "timestamp"][: len(log[0])]
    return make({name: list(column) for name, column in zip(names, zip(*log, strict=True), strict=True)})


def rows_of(columns):
    present = [column.tolist() for column in columns if column is not None]
    return list(zip(*present, strict=True))
