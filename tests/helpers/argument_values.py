"""What can be given for an argument: what makes sense, files among it, and what nobody should send."""

import datetime
import random
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse

from skautoseqrec.reranking import MaximalMarginalRelevance, MaxPerGroup

USERS, ITEMS = ["ann", "bob", "cid"], ["tea", "milk", "jam", "salt"]
ROWS = [
    ("ann", "tea", 1),
    ("ann", "milk", 2),
    ("bob", "tea", 3),
    ("cid", "jam", 4),
    ("bob", "salt", 5),
    ("cid", "tea", 6),
]
MORE = [("ann", "jam", 7), ("dan", "tea", 8), ("dan", "cake", 9)]
FOLDER = Path(tempfile.gettempdir())  # where nothing is written to
#: Files that are read, by name; broken ones too.
FILES = {
    "log.csv": b"user,item,when\nann,tea,1\nbob,jam,2\n", "log.tsv": b"user\titem\nann\ttea\n",
    "bare.csv": b"ann,tea,1\nbob,jam,2\n",
    "dates.csv": b"user,item,time\nann,tea,2024-01-05 10:00\nbob,jam,2024-02-01\n",
    "log.jsonl": b'{"user": "ann", "item": 3}\n{"user": "bob", "item": 4}\n',
    "broken.jsonl": b'{"user": "ann", "item"\n',
    "quotes.csv": b'user,item\n"ann,tea\nbob,jam\n', "latin.csv": b"user,item\nj\xe9,tea\n", "empty.csv": b"",
    "header.csv": b"user,item,time\n", "ragged.csv": b"user,item,time\nann,tea\nbob,jam,2,3\n",
    "nul.csv": b"user,item\na\0,b\n",
    "log.csv.gz": b"no gzip", "log.parquet": b"no parquet", "log.xlsx": b"PK",
    "missing.csv": b"user,item,time\nann,,1\nbob,tea,2\n",
    "titles.csv": b"item_id,title\ntea,Green Tea\njam,\n",
    "decimals.csv": b'user;item;time\nann;tea;"1,5"\nbob;jam;2,5\n',
}  # fmt: skip


LOGS = [lambda: ROWS, lambda: pd.DataFrame(ROWS, columns=["user_id", "item_id", "timestamp"]), lambda: MORE,
        lambda: np.array(ROWS, dtype=object), lambda: pl.DataFrame(MORE, schema=["who", "what", "t"], orient="row"),
        lambda: [{"user": "ann", "sku": "tea", "rating": 3}]]  # fmt: skip
COLUMNS = [
    None,
    {},
    {"user": "who"},
    {"user": "who", "item": "what"},
    {"time": "t"},
    {"user": "user_id", "time": "timestamp"},
]
TITLES = [None, {"tea": "Tea", "jam": None}, lambda: pd.DataFrame({"item_id": ["tea"], "title": ["Tea"]}),
          lambda: pd.Series({"tea": "Tea"}), {"nothing": "Nothing"}, {}]  # fmt: skip
SOME_USERS = [
    ["ann"],
    USERS,
    [],
    ["nobody", "ann"],
    lambda: np.array(["bob"]),
    lambda: pd.Series(["cid"]),
    ("ann", "ann"),
]
SOME_ITEMS = [["tea"], ITEMS, lambda: np.array(["jam"], dtype=object), lambda: pl.Series(["milk", "tea"])]
RESTRICTIONS = {
    "exclude_seen": [None, True, False, np.True_],
    "candidates": [
        None,
        ITEMS,
        ["tea"],
        [],
        [["tea"]],
        ["brick", "jam"],
        lambda: np.ma.masked_array(["tea", "jam"], [0, 1]),
    ],
    "exclude": [None, ["tea"], [["jam"]], [], ["brick"]],
}
FORMS = {"output": ["array", "list", "frame"], "return_scores": [False, True], "titles": TITLES}
UNKNOWN = {"on_unknown": [None, "ignore", "warn", "raise"]}
RERANK = {
    "rerank": [None, lambda: lambda users, ids, scores: ids, lambda: MaxPerGroup(1, {"tea": "drink", "milk": "drink"}),
               lambda: MaximalMarginalRelevance(0.5, {item: [1.0, place] for place, item in enumerate(ITEMS)}),
               lambda: lambda *page: None, lambda: lambda *page: [["brick"]], lambda: lambda: None],
    "rerank_size": [None, 1, 3, 100],
}  # fmt: skip
K = {"k": [2, 1, 5, np.int64(3)]}
AT = {"at": [None, 9, [9], 0.5, lambda: np.array([10])]}
SAMPLE_WEIGHT = {"sample_weight": [None, [1.0] * len(ROWS), lambda: np.arange(len(ROWS)), [0] * len(ROWS), [1.0]]}
RANKS = {"ranks": [[1, 2, np.inf], [1.0], lambda: np.array([3, 1]), [0.5], [], [np.nan]]}
RECOMMENDED = {"recommended": [[["tea", "jam"]], [["tea"], []], lambda: np.array([["tea", "milk"]]),
                               lambda: np.ma.masked_array([["tea", "jam"]], [[0, 1]]), [["brick"]], [[]]]}  # fmt: skip
CATALOGUE = {"log": [*LOGS, {"tea": 2, "jam": 1, "milk": 1}, {"tea": 0}], "columns": COLUMNS}


#: What nobody should send, anywhere; each is made anew, for some can be read once only.
HOSTILE = [
    lambda: None, lambda: True, lambda: np.False_, lambda: 0, lambda: -1, lambda: 2.5, lambda: 1.0,
    lambda: float("nan"),
    lambda: float("inf"), lambda: 10**30, lambda: np.float32(0.5), lambda: np.int8(1), lambda: 1j, lambda: Decimal(1),
    lambda: "",
    lambda: "tea", lambda: "ann", lambda: "together", lambda: "x" * 500, lambda: "\ud800", lambda: b"tea", list,
    lambda: [[]], lambda: [[[]]],
    lambda: (), dict, lambda: set(), lambda: {"tea"}, lambda: {"tea": 1}, lambda: {1: "tea"},
    lambda: {"user": "item_id", "item": "user_id"},
    lambda: {"brick": "user_id"}, lambda: {"user": None}, lambda: {"user": []}, lambda: {"user": 3},
    lambda: ["tea", None], lambda: [None],
    lambda: [float("nan")], lambda: ["tea", 3], lambda: [1, 2], lambda: [True], lambda: [["tea"], "jam"],
    lambda: [["tea", "jam"], ["tea"]],
    lambda: [b"tea"], lambda: [object()], lambda: object(), lambda: object, lambda: (lambda: None), lambda: len,
    lambda: iter(["tea"]),
    lambda: (key for key in ["ann"]), lambda: range(2), lambda: np.array(3), lambda: np.array("tea"),
    lambda: np.array([]),
    lambda: np.array([np.nan, 1.0]), lambda: np.eye(2), lambda: np.ones((2, 2, 2)), lambda: np.ma.masked,
    lambda: np.ma.masked_array([1.0, 2.0], [1, 0]),
    lambda: np.array(["tea"], dtype=object), lambda: np.array(["2024-01-01"], dtype="M8[s]"),
    lambda: np.array([1], dtype="m8[s]"),
    lambda: np.zeros(2, "i4,i4"), lambda: pd.NA, lambda: pd.NaT, lambda: pd.Timestamp(0),
    lambda: datetime.date(2024, 1, 1), lambda: pd.Series(["tea"]),
    lambda: pd.Series([None]), lambda: pd.Series([1.5]), lambda: pd.DataFrame(),
    lambda: pd.DataFrame({"item_id": ["tea"], "a": ["b"], "c": [1]}),
    lambda: pd.DataFrame({"user_id": ["ann"], "item_id": ["tea"]}), lambda: pl.Series(["tea"]),
    lambda: pl.Series([None]), lambda: pl.DataFrame({"a": [1]}),
    lambda: pl.LazyFrame({"user_id": ["ann"], "item_id": ["tea"]}), lambda: sparse.csr_array(np.eye(2)),
    lambda: memoryview(b"ab"), lambda: Path("tea"),
    lambda: Ellipsis, lambda: NotImplemented, lambda: random.Random(0), lambda: np.random.default_rng(0),
    lambda: Warning("tea"), lambda: ROWS, lambda: MORE,
    lambda: [("ann", "tea")], lambda: [("ann", None)], lambda: [("ann", "tea", "noon")], lambda: [(1, 2)],
    lambda: [("ann",)], lambda: "array", lambda: "raise",
]  # fmt: skip
#: What spoils a list in one place.
SPOILT = [
    None,
    True,
    3,
    2.5,
    float("nan"),
    "brick",
    "",
    b"tea",
    [],
    ["tea"],
    ("ann", "tea"),
    {},
    object(),
    np.array([1, 2]),
    pd.NaT,
    np.ma.masked,
]
