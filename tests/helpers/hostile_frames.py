"""Frames of hostile columns: of pandas, of polars, of pyarrow."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hostile_values import NAMES, Case, object_array
from hypothesis import strategies as st

PANDAS_DTYPES = [
    None, "object", "string", "string[pyarrow]", "Int64", "UInt8", "Float32", "boolean", "category", "Sparse[int64]",
    "float16", "timedelta64[s]", "period[D]", "datetime64[ns]", "datetime64[s, Europe/Berlin]", "int64[pyarrow]",
    "timestamp[us][pyarrow]", "double[pyarrow]", "interval",
]  # fmt: skip


def pandas_column(values, dtype):
    """Return a pandas column, of objects where the dtype does not hold the values."""
    try:
        if dtype == "interval":
            return pd.Series(pd.arrays.IntervalArray.from_breaks(np.arange(len(values) + 1)))
        column = pd.Series(values, dtype=dtype)
        column.tolist()
        return column.cat.add_categories(["unused"]) if dtype == "category" else column
    except Exception:  # whatever pandas says of it is pandas' own
        return pd.Series(object_array(values), dtype=object)


@st.composite
def pandas_logs(draw, values):
    """Draw a log as a pandas frame, with columns and indices of any kind."""
    made = [pandas_column(column, draw(st.sampled_from(PANDAS_DTYPES) | st.just("object"))) for column in values]
    frame = pd.concat(made, axis=1)
    n_rows = len(frame)
    index = draw(st.sampled_from(["range", "doubled", "many", "text"]))
    if index == "doubled":
        frame.index = [0] * n_rows
    elif index == "many":
        frame.index = pd.MultiIndex.from_arrays([[0] * n_rows, [1] * n_rows])
    elif index == "text":
        frame.index = ["row"] * n_rows
    spelt = [made_column.tolist() for made_column in made]
    names = draw(st.sampled_from(["own", "own", "other", "numbers", "doubled", "many", "more", "mixed", "lacking"]))
    if names == "numbers":
        frame.columns = range(len(values))
    elif names == "doubled":
        frame.columns = ["user_id", "item_id", "item_id"][: len(values)]
    elif names == "many":
        frame.columns = pd.MultiIndex.from_tuples([("a", name) for name in NAMES[: len(values)]])
    elif names == "mixed":
        frame.columns = [0, "item_id", None][: len(values)]
    elif names == "lacking":
        frame.columns = ["user_id", "item", "time"][: len(values)]
    else:
        frame.columns = ["who", "what", "when"][: len(values)] if names == "other" else NAMES[: len(values)]
    if names == "more":
        frame[3] = "extra"
    good = names in ("own", "other", "more", "numbers", "many", "lacking")
    good |= names in ("doubled", "mixed") and len(values) == 2
    return Case(f"pandas frame, {'usual' if good else names} columns", lambda: frame, spelt if good else None, True)


POLARS_DTYPES = [
    None, None, pl.String, pl.Categorical, pl.Enum(["ann", "bob", "0", "1"]), pl.Decimal(10, 2), pl.List(pl.Int64),
    getattr(pl, "Int128", None), pl.UInt64, pl.UInt8, pl.Float32, pl.Boolean, pl.Binary, pl.Object, pl.Date, pl.Time,
    pl.Duration("ms"), pl.Datetime("ns"), pl.Datetime("ms", "Asia/Tokyo"), pl.Null, pl.Struct({"a": pl.Int64}),
]  # fmt: skip


@st.composite
def polars_logs(draw, values):
    """Draw a log as a polars frame."""
    frame, spelt = {}, []
    for name, column in zip(NAMES, values, strict=False):
        dtype = draw(st.sampled_from(POLARS_DTYPES))
        try:
            series = pl.Series(name, column, dtype=dtype, strict=dtype is None)
            # As a list, polars cuts nanoseconds off.
            spelt.append(list(series.to_numpy()) if series.dtype == pl.Datetime("ns") else series.to_list())
        except KeyboardInterrupt:
            raise
        except BaseException:  # polars panics at some objects, and its panics are no Exceptions
            series = pl.Series(name, [str(place) for place in range(len(column))])
            spelt.append(series.to_list())
        frame[name] = series
    made = pl.DataFrame(frame)
    return Case("polars frame", lambda: made, spelt, True)


ARROW_TYPES = [
    None, None, pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.uint64(),
    pa.int8(), pa.float16(), pa.decimal128(10, 2), pa.list_(pa.int64()), pa.binary(), pa.null(), pa.bool_(),
    pa.date32(), pa.timestamp("ns"), pa.timestamp("s", "Asia/Kolkata"), pa.duration("s"), pa.time64("us"),
]  # fmt: skip


@st.composite
def arrow_logs(draw, values):
    """Draw a log as a pyarrow table of chunks."""
    table = {}
    for name, column in zip(NAMES, values, strict=False):
        cells = [None if cell is None or cell is pd.NA else cell for cell in column]
        dtype = draw(st.sampled_from(ARROW_TYPES))
        try:
            whole = pa.array(cells, type=dtype)
            whole.to_pylist()
        except Exception:  # whatever pyarrow says of it is pyarrow's own
            whole = pa.array([str(place) for place in range(len(cells))]).dictionary_encode()
        cut = draw(st.integers(0, len(cells)))
        table[name] = pa.chunked_array([whole[:cut], whole[cut:]], type=whole.type)
    made = pa.table(table)
    return Case("pyarrow table", lambda: made, [column.to_pylist() for column in made.columns], True)
