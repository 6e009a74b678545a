"""Arguments of any kind tried on everything that can be called, and the judgement of what came of it."""

import copy
import pickle
import random
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from argument_calls import BASELINE, HYBRID, RECOMMENDER, by_place
from argument_functions import FUNCTIONS
from argument_values import HOSTILE, ROWS, SPOILT
from judgement import PACKAGE, SKLEARNS_OWN

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.baselines import MarkovRecommender
from skautoseqrec.ensemble import HybridRecommender

#: How an error may speak of an argument without its name.
ALSO_CALLED = {
    "X": ("log", "Column", "Row", "row", "array"),
    "log": ("log", "Column", "Row", "row", "popularity"),
    "interactions": ("log", "Column", "Row", "row"),
    "columns": ("column", "Column"),
    "metrics_": ("metric",),
    "scoring": ("metric",),
    "item": ("column",),
    "title": ("column",),
    "sep": ("line", "field"),
    "names": ("column", "line"),
    "path": ("file", "line", "saved model", "journal", "csv", "parquet", "column", "Column"),
    "at": ("time",),
    "users": ("Column 'user_id'",),
    "items": ("Column 'item_id'",),
    "candidates": ("Column 'item_id'",),
    "exclude": ("Column 'item_id'",),
    "sequences": ("Column 'item_id'",),
    "titles": ("item_id", "title"),
    "recommended": ("list",),
    "values": ("rank", "value"),
    "ranks": ("rank", "Rank"),
    "rerank": ("order", "candidates"),
    "blend": ("part", "weight"),
    "vectors": ("vector",),
    "cv": ("train", "test", "fold"),
    "models": ("model",),
    "metrics": ("metric",),
    "random_state": ("seed", "Seed"),
}
ERRORS = (ValueError, TypeError, MemoryError, ImportError)


class Subjects:
    """Fitted estimators that arguments are tried on, put back after whatever changed them."""

    def __init__(self):
        settings = {
            "early_stopping": False,
            "trend_half_lives": (30.0,),
            "random_state": 0,
            "exclude_seen": False,
            "device": "cpu",
        }
        closed = AutoSeqRecRecommender(
            objective="closed_form", blend={"direct": 1.0, "trend": (1.0,), "neighbours": 1.0}, **settings
        )
        learned = AutoSeqRecRecommender(
            2, max_iter=1, blend={"collaborative": 1.0, "two_hop": 1.0, "direct": 1.0}, **settings
        )
        self._pickles = [pickle.dumps(each.fit(ROWS).dislike([("ann", "salt")])) for each in (closed, learned)]
        self._baseline = pickle.dumps(MarkovRecommender(exclude_seen=False).fit(ROWS))
        self._hybrid = pickle.dumps(HybridRecommender.from_fitted(pickle.loads(self._pickles[0]), by_place, weight=0.5))
        self.put_back()

    def put_back(self):
        self.recommenders = [pickle.loads(content) for content in self._pickles]
        self.baseline = pickle.loads(self._baseline)
        self.hybrid = pickle.loads(self._hybrid)

    def of(self, table, rng):
        """Return the subject of a table of calls; of several, one that is drawn."""
        if table is BASELINE:
            return self.baseline
        return self.hybrid if table is HYBRID else rng.choice(self.recommenders)


def state_of(subject):
    """Return all that a question may not touch."""
    if isinstance(subject, HybridRecommender):
        return state_of(subject.recommender_), subject.part_, subject.weight_, sorted(vars(subject))
    if not isinstance(subject, AutoSeqRecRecommender):
        return pickle.dumps(subject)
    state = subject._serving.state
    sizes = len(state.events), len(state.user_vocabulary), len(state.item_vocabulary), len(state.snapshot.overlay)
    return id(state.snapshot), id(state.snapshot.dislikes), sizes, subject.dislikes_.tolist(), sorted(vars(subject))


def answers_of(subject):
    """Return what a subject answers to everybody."""
    ids, scores = subject.predict_topk(["ann", "bob", "cid", "nobody"], k=5, return_scores=True)
    return ids.tolist(), scores.tolist()


def maker(value):
    """Return a function that makes a value anew."""
    is_one = callable(value) and getattr(value, "__name__", "") == "<lambda>"
    return value if is_one else lambda: copy.copy(value)


def draw(call, rng):
    """Return makers of arguments by name, and the names of those that nobody should send."""
    makers, hostile = {}, []
    n_hostile = rng.choice([0, 0, 1, 1, 1, 2])
    chosen = set(rng.sample(sorted(call.good), min(n_hostile, len(call.good))))
    for name, good in call.good.items():
        if name in chosen:
            hostile.append(name)
            makers[name] = rng.choice(HOSTILE)
            if rng.random() < 0.4:
                seed, make = rng.random(), maker(rng.choice(good))
                makers[name] = lambda seed=seed, make=make: spoil(make(), random.Random(seed))
        else:
            makers[name] = maker(good[0] if rng.random() < 0.8 else rng.choice(good))
    return makers, hostile


def spoil(value, rng):
    """Return a good argument with something in it that nobody should send; what has no places is replaced."""
    spoilt = rng.choice(SPOILT)
    if isinstance(value, dict) and value:
        key = rng.choice(sorted(value, key=str))
        return (
            {**value, key: spoilt}
            if rng.random() < 0.7 or not isinstance(spoilt, str | int | float | tuple)
            else {**value, spoilt: value[key]}
        )
    if isinstance(value, list | tuple) and value:
        value = list(value)
        place = rng.randrange(len(value))
        inner = value[place]
        value[place] = spoil(inner, rng) if isinstance(inner, list | tuple) and rng.random() < 0.7 else spoilt
        return value if rng.random() < 0.8 else np.array([*value, None], dtype=object)[:-1]
    return spoilt


def check_error(error, given):
    """Raise AssertionError unless an error is the package's own and names an argument."""
    if any(callable(value) for value in given.values()) and " argument" in str(error):
        return  # of a function that was given
    if isinstance(error, AttributeError) and "has no attribute 'user_embeddings'" in str(error):
        return  # there is no network
    is_of_files = isinstance(error, OSError) and ("path" in given or "variant" in given or "n_retries" in given)
    if is_of_files and any(char in str(error) for char in "/'"):
        return
    assert isinstance(error, ERRORS), f"of a kind that is not promised: {error!r}"
    frames = traceback.extract_tb(error.__traceback__)
    last = Path(frames[-1].filename)
    is_constraint = last.parts[-3:] == ("sklearn", "utils", "_param_validation.py")
    assert PACKAGE in last.parents or is_constraint or is_sklearns(frames, error), (
        f"raised from {last}:{frames[-1].lineno}: {error!r}"
    )
    message = str(error)
    words = [word for name in given for word in (name.rstrip("_"), *ALSO_CALLED.get(name, ()))]
    assert any(word in message for word in words), f"names no argument: {error!r}"


def is_sklearns(frames, error):
    """Tell whether scikit-learn says in its own words that an array is no log, or numpy that something is no seed."""
    if "seed" in str(error).lower():
        return any(frame.name == "check_random_state" for frame in frames)
    is_of_log = any(frame.name in ("validate_log", "validate_users") for frame in frames)
    is_there = Path(frames[-1].filename).parts[-3:] == ("sklearn", "utils", "validation.py")
    return is_of_log and is_there and (str(error).startswith(SKLEARNS_OWN) or "features, but" in str(error))


def attempt(subjects, rng, counted):
    """Try one case; returns a line that says what is wrong, None if nothing is."""
    tables = [RECOMMENDER] * 5 + [FUNCTIONS] * 4 + [HYBRID] * 2 + [BASELINE]
    table = rng.choice(tables)
    name = rng.choice(sorted(table))
    call = table[name]
    subject = subjects.of(table, rng)
    makers, hostile = draw(call, rng)
    before, given = state_of(subject), {key: make() for key, make in makers.items()}
    answered = answers_of(subject) if rng.random() < 0.1 else None
    said = f"given { {key: f'{value!r:.80}' for key, value in given.items()} }, hostile {hostile}"
    answer, error = None, None
    try:
        answer = call.ask(subject, **given)
    except Exception as raised:
        error = raised
    counted[name, "worked" if error is None else "refused"] += 1
    is_changed = state_of(subject) != before or (answered is not None and answers_of(subject) != answered)
    if is_changed:
        subjects.put_back()
        if error is not None or not call.changes:
            return f"{name}: it changed what was asked, {said}"
    try:
        if error is None:
            call.check(answer, {key: make() for key, make in makers.items()})
        else:
            check_error(error, given)
    except Exception as fault:
        spoken = f"answer {answer!r:.200} is of another form ({fault!r})" if error is None else str(fault)
        return f"{name}: {spoken} {said}"
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
