"""Arguments of any kind tried on everything that can be called, and the judgement of what came of it."""

import copy
import datetime
import pickle
import random
import traceback
import warnings
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from argument_calls import BASELINE, FUNCTIONS, MORE, RECOMMENDER, ROWS
from judgement import PACKAGE
from scipy import sparse

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.baselines import MarkovRecommender

#: What nobody should send, anywhere; each is made anew, for some can be read once only.
HOSTILE = [
    lambda: None, lambda: True, lambda: np.False_, lambda: 0, lambda: -1, lambda: 2.5, lambda: 1.0, lambda: float("nan"),
    lambda: float("inf"), lambda: 10**30, lambda: np.float32(0.5), lambda: np.int8(1), lambda: 1j, lambda: Decimal(1), lambda: "",
    lambda: "tea", lambda: "ann", lambda: "together", lambda: "x" * 500, lambda: "\ud800", lambda: b"tea", lambda: [], lambda: [[]], lambda: [[[]]],
    lambda: (), lambda: {}, lambda: set(), lambda: {"tea"}, lambda: {"tea": 1}, lambda: {1: "tea"}, lambda: {"user": "item_id", "item": "user_id"},
    lambda: {"brick": "user_id"}, lambda: {"user": None}, lambda: {"user": []}, lambda: {"user": 3}, lambda: ["tea", None], lambda: [None],
    lambda: [float("nan")], lambda: ["tea", 3], lambda: [1, 2], lambda: [True], lambda: [["tea"], "jam"], lambda: [["tea", "jam"], ["tea"]],
    lambda: [b"tea"], lambda: [object()], lambda: object(), lambda: object, lambda: (lambda: None), lambda: len, lambda: iter(["tea"]),
    lambda: (key for key in ["ann"]), lambda: range(2), lambda: np.array(3), lambda: np.array("tea"), lambda: np.array([]),
    lambda: np.array([np.nan, 1.0]), lambda: np.eye(2), lambda: np.ones((2, 2, 2)), lambda: np.ma.masked, lambda: np.ma.masked_array([1.0, 2.0], [1, 0]),
    lambda: np.array(["tea"], dtype=object), lambda: np.array(["2024-01-01"], dtype="M8[s]"), lambda: np.array([1], dtype="m8[s]"),
    lambda: np.zeros(2, "i4,i4"), lambda: pd.NA, lambda: pd.NaT, lambda: pd.Timestamp(0), lambda: datetime.date(2024, 1, 1), lambda: pd.Series(["tea"]),
    lambda: pd.Series([None]), lambda: pd.Series([1.5]), lambda: pd.DataFrame(), lambda: pd.DataFrame({"item_id": ["tea"], "a": ["b"], "c": [1]}),
    lambda: pd.DataFrame({"user_id": ["ann"], "item_id": ["tea"]}), lambda: pl.Series(["tea"]), lambda: pl.Series([None]), lambda: pl.DataFrame({"a": [1]}),
    lambda: pl.LazyFrame({"user_id": ["ann"], "item_id": ["tea"]}), lambda: sparse.csr_array(np.eye(2)), lambda: memoryview(b"ab"), lambda: Path("tea"),
    lambda: Ellipsis, lambda: NotImplemented, lambda: random.Random(0), lambda: np.random.default_rng(0), lambda: Warning("tea"), lambda: ROWS, lambda: MORE,
    lambda: [("ann", "tea")], lambda: [("ann", None)], lambda: [("ann", "tea", "noon")], lambda: [(1, 2)], lambda: [("ann",)], lambda: "array", lambda: "raise",
]  # fmt: skip
#: How an error may speak of an argument without its name.
ALSO_CALLED = {
    "X": ("log", "Column", "Row", "row"), "log": ("log", "Column", "Row", "row", "popularity"), "interactions": ("log", "Column", "Row", "row"),
    "columns": ("column", "Column"), "metrics_": ("metric",), "scoring": ("metric",), "item": ("column",), "title": ("column",),
    "sep": ("line", "field"), "names": ("column", "line"), "path": ("file", "line", "csv", "parquet", "column", "Column"), "at": ("time",),
    "users": ("Column 'user_id'",), "items": ("Column 'item_id'",), "candidates": ("Column 'item_id'",), "exclude": ("Column 'item_id'",),
    "sequences": ("Column 'item_id'",), "titles": ("item_id", "title"), "recommended": ("list",), "values": ("rank", "value"), "ranks": ("rank", "Rank"),
    "rerank": ("order", "candidates"), "blend": ("part", "weight"), "vectors": ("vector",), "cv": ("train", "test", "fold"),
}  # fmt: skip
ERRORS = (ValueError, TypeError, MemoryError, ImportError)


class Subjects:
    """Fitted estimators that arguments are tried on, put back after whatever changed them."""

    def __init__(self):
        settings = {"early_stopping": False, "trend_half_lives": (30.0,), "random_state": 0, "exclude_seen": False, "device": "cpu"}
        closed = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0, "trend": (1.0,), "neighbours": 1.0}, **settings)
        learned = AutoSeqRecRecommender(2, max_iter=1, blend={"collaborative": 1.0, "two_hop": 1.0, "direct": 1.0}, **settings)
        self._pickles = [pickle.dumps(each.fit(ROWS).dislike([("ann", "salt")])) for each in (closed, learned)]
        self._baseline = pickle.dumps(MarkovRecommender(exclude_seen=False).fit(ROWS))
        self.put_back()

    def put_back(self):
        self.recommenders = [pickle.loads(content) for content in self._pickles]
        self.baseline = pickle.loads(self._baseline)


def state_of(subject):
    """Return all that a question may not touch."""
    if not isinstance(subject, AutoSeqRecRecommender):
        return pickle.dumps(subject)
    state = subject._serving.state
    sizes = len(state.events), len(state.user_vocabulary), len(state.item_vocabulary), len(state.snapshot.overlay)
    return id(state.snapshot), id(state.snapshot.dislikes), sizes, subject.dislikes_.tolist(), sorted(vars(subject))


def answers_of(subject):
    """Return what a subject answers to everybody."""
    ids, scores = subject.predict_topk(["ann", "bob", "cid", "nobody"], k=5, return_scores=True)
    return ids.tolist(), scores.tolist()


def draw(call, rng):
    """Return makers of arguments by name, and the names of those that nobody should send."""
    makers, hostile = {}, []
    n_hostile = rng.choice([0, 1, 1, 1, 2, 3])
    chosen = set(rng.sample(sorted(call.good), min(n_hostile, len(call.good))))
    for name, good in call.good.items():
        if name in chosen:
            hostile.append(name)
            makers[name] = rng.choice(HOSTILE)
        else:
            value = good[0] if rng.random() < 0.6 else rng.choice(good)
            makers[name] = value if callable(value) and getattr(value, "__name__", "") == "<lambda>" else (lambda value=value: copy.copy(value))
    return makers, hostile


def check_error(error, given, call):
    """Raise AssertionError unless an error is the package's own and names an argument."""
    assert isinstance(error, ERRORS), f"of a kind that is not promised: {error!r}"
    frames = traceback.extract_tb(error.__traceback__)
    last = Path(frames[-1].filename)
    is_constraint = last.parts[-3:] == ("sklearn", "utils", "_param_validation.py")
    assert PACKAGE in last.parents or is_constraint or is_sklearns(frames, error), f"raised from {last}:{frames[-1].lineno}: {error!r}"
    message = str(error)
    words = [word for name in given for word in (name.rstrip("_"), *ALSO_CALLED.get(name, ()))]
    assert any(word in message for word in words), f"names no argument: {error!r}"


def is_sklearns(frames, error):
    """Tell whether scikit-learn says in its own words that an array is no log, or that something is no seed."""
    from judgement import SKLEARNS_OWN

    if Path(frames[-1].filename).parts[-3:] != ("sklearn", "utils", "validation.py"):
        return False
    return any(frame.name == "validate_log" for frame in frames) and str(error).startswith(SKLEARNS_OWN) or "seed" in str(error)


def attempt(subjects, rng, counted):
    """Try one case; returns a line that says what is wrong, None if nothing is."""
    tables = [RECOMMENDER] * 5 + [FUNCTIONS] * 4 + [BASELINE]
    table = rng.choice(tables)
    name = rng.choice(sorted(table))
    call = table[name]
    subject = subjects.baseline if table is BASELINE else rng.choice(subjects.recommenders)
    makers, hostile = draw(call, rng)
    before, given = state_of(subject), {key: make() for key, make in makers.items()}
    answered = answers_of(subject) if rng.random() < 0.1 else None
    said = {key: f"{value!r:.80}" for key, value in given.items()}
    try:
        answer = call.ask(subject, **given)
    except Exception as error:
        counted[name, "refused"] += 1
        try:
            check_error(error, given, call)
        except AssertionError as fault:
            return f"{name}: {fault} given {said}, hostile {hostile}"
    else:
        counted[name, "worked"] += 1
        try:
            again = {key: make() for key, make in makers.items()}
            call.check(answer, again)
        except Exception as fault:
            return f"{name}: answer {answer!r:.200} is of another form ({fault!r}) given {said}, hostile {hostile}"
        if call.changes:
            subjects.put_back()
            return None
    if state_of(subject) != before or (answered is not None and answers_of(subject) != answered):
        subjects.put_back()
        return f"{name}: it changed what was asked, given {said}, hostile {hostile}"
    return None


def try_arguments(n_cases, seed=0, counted=None):
    """Try many drawn cases; returns a line for each that failed."""
    subjects, rng, counted = Subjects(), random.Random(seed), Counter() if counted is None else counted
    faults = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(n_cases):
            fault = attempt(subjects, rng, counted)
            faults += [] if fault is None else [fault]
    return faults
