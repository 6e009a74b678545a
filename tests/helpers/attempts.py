"""Hostile arguments tried on everything that takes a log or ids, and the judgement of what came of it."""

import pickle
import random
import traceback
import warnings
from collections import Counter
from decimal import InvalidOperation
from fractions import Fraction
from pathlib import Path

import hostile
import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import skautoseqrec
from skautoseqrec import AutoSeqRecRecommender, preprocessing
from skautoseqrec._data.reading import read_columns
from skautoseqrec.model_selection import TemporalSplit, temporal_train_test_split

PACKAGE = Path(skautoseqrec.__file__).parent
SETTINGS = {
    "n_components": 2,
    "max_iter": 1,
    "early_stopping": False,
    "blend": {"collaborative": 1.0, "two_hop": 1.0, "direct": 1.0, "trend": (1.0,)},
    "trend_half_lives": (30.0,),
    "exclude_seen": False,
    "random_state": 0,
}
FITTED_LOGS = {
    "integers": [(0, 1, 0), (1, 2, 1), (0, 3, 2)],
    "strings": [("ann", "a", 0), ("bob", "b", 1), ("ann", "b", 2)],
    "fractions": [(0.5, 1.5, 0), (1.5, 1.5, 1)],
    "untimed": [(0, 1), (1, 2), (0, 3)],
    "dated": [("ann", "a", np.datetime64("2024-01-01", "s")), ("bob", "b", np.datetime64("2024-01-02", "s"))],
}


def meaning_of_id(value):
    """Return what an id stands for, so that two ids are one exactly if they mean the same; None if it is no id."""
    if isinstance(value, str):
        return "text", str.__str__(value)
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    if isinstance(value, int | np.integer):
        return ("number", Fraction(int(value))) if -(2**63) <= int(value) < 2**63 else None
    return ("number", Fraction(*value.as_integer_ratio())) if np.isfinite(value) else None


def has_room_for(values):
    """Tell whether float64 and int64 hold these ids beyond doubt: then they have to be read."""
    if all(isinstance(value, str | int | np.integer) for value in values):
        return True
    exact = [meaning_of_id(value)[1] for value in values]
    return all(number.denominator == 1 and abs(number) < 2**11 for number in exact)


def moment(value):
    """Return a time as an exact number that orders like it; None if it is no time."""
    if value is pd.NaT:  # a datetime, though it is none
        return None
    if isinstance(value, pd.Timestamp):
        value = value if value.tzinfo is None else value.tz_convert("UTC").tz_localize(None)
        return moment(value.to_datetime64())
    if isinstance(value, np.datetime64):
        unit, step = np.datetime_data(value.dtype)
        return None if np.isnat(value) else Fraction(int(value.astype(np.int64)) * step) * UNITS[unit]
    if isinstance(value, hostile.datetime.datetime):
        naive = value.replace(tzinfo=None) - hostile.datetime.datetime(1970, 1, 1)
        offset = value.utcoffset() or hostile.datetime.timedelta(0)
        return Fraction((naive - offset) // hostile.datetime.timedelta(microseconds=1), 10**6)
    if isinstance(value, hostile.datetime.date):
        return Fraction((value - hostile.datetime.date(1970, 1, 1)).days * 86_400)
    meaning = meaning_of_id(value)
    return None if meaning is None or meaning[0] == "text" else meaning[1]


UNITS = {
    "D": Fraction(86_400),
    "s": Fraction(1),
    "ms": Fraction(1, 1000),
    "us": Fraction(1, 10**6),
    "ns": Fraction(1, 10**9),
}


def is_moment(value):
    return isinstance(value, hostile.datetime.date | np.datetime64)


def check_read(case, read):
    """Raise AssertionError unless ids came back as they went in, none merged, none changed, and times in order."""
    assert case.columns is not None, "what is no log was read as one"
    for spelt, ids in zip(case.columns, read[:2], strict=False):
        check_ids(spelt, ids.tolist(), case.framed)
    if len(case.columns) > 2 and read.times is not None:
        if read.times.dtype.kind == "M":
            moments = [moment(value) for value in read.times]
            assert moments == [moment(value) for value in case.columns[2]], "a moment was changed"
        else:
            assert [float(time) for time in read.times] == [float(time) for time in case.columns[2]], (
                "a time was changed"
            )


def check_ids(spelt, ids, framed=False):
    meanings = [meaning_of_id(value) for value in spelt]
    assert None not in meanings, f"no id was taken for one: {spelt[meanings.index(None)]!r}"
    assert [meaning_of_id(value) for value in ids] == meanings, f"ids were changed: {spelt!r} came back as {ids!r}"
    assert {type(value) for value in ids} <= {str, int, float}, "ids are not plain"
    assert not framed or float not in map(type, ids), "fractions of a frame were taken for ids"


def must_be_read(case):
    """Tell whether a case is a log beyond doubt."""
    if case.columns is None or not case.columns[0]:
        return False
    for spelt in case.columns[:2]:
        meanings = [meaning_of_id(value) for value in spelt]
        if None in meanings or len({kind for kind, _ in meanings}) > 1 or not has_room_for(spelt):
            return False
    times = case.columns[2] if len(case.columns) > 2 else []
    if case.kind == "array of one dtype" and times and all(isinstance(value, str) for value in times):
        return True  # an array of strings spells its times
    if len({is_moment(value) for value in times}) > 1 or any(moment(value) is None for value in times):
        return False
    return all(-(2**63) <= moment(value) < 2**63 for value in times) and not any(map(is_moment, times))


def check_refusal(error):
    """Raise AssertionError unless an error is the package's own, or sklearn's about the shape of an array."""
    if isinstance(error, InvalidOperation):
        return  # pandas itself compares a signalling NaN
    assert isinstance(error, ValueError | TypeError), f"not ValueError or TypeError: {error!r}"
    frames = traceback.extract_tb(error.__traceback__)
    last = Path(frames[-1].filename)
    if last.parts[-3:] == ("sklearn", "utils", "validation.py"):
        assert any(frame.name == "validate_log" for frame in frames), f"foreign error: {error!r}"
        assert str(error).startswith(SKLEARNS_OWN) or "features, but" in str(error), f"foreign error: {error!r}"
        return
    assert PACKAGE in last.parents, f"raised from {last}: {error!r}"
    line = frames[-1].line or ""
    assert "raise" in line or "Error(" in line or "_refuse" in line or _is_raising(last, frames[-1].lineno), (
        f"not raised but met at {last.name}:{frames[-1].lineno}: {error!r}"
    )


SKLEARNS_OWN = (
    "Complex data not supported",
    "Expected 2D array",
    "Found array with",
    "Expected a 2-dimensional container",
    "np.matrix is not supported",
)


def _is_raising(path, number):
    """Tell whether a line of the package belongs to a raise statement of several lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = number - 1
    while start > 0 and lines[start - 1].rstrip().endswith(("(", ",", '"')):
        start -= 1
    return "raise" in lines[start]


class Subjects:
    """Fitted estimators that arguments are tried on, put back after whatever changed them."""

    def __init__(self):
        self._pickles, self.recommenders, self.transformers = {}, {}, {}
        for name, log in FITTED_LOGS.items():
            self._pickles[name] = pickle.dumps(AutoSeqRecRecommender(**SETTINGS).fit(log))
            self.transformers[name] = {kind: getattr(preprocessing, kind)().fit(log) for kind in preprocessing.__all__}
            self.put_back(name)

    def put_back(self, name):
        self.recommenders[name] = pickle.loads(self._pickles[name])


def state_of(recommender):
    """Return all that a refusal may not touch."""
    state = recommender._serving.state
    snapshot = state.snapshot
    sizes = len(state.events), len(state.users), len(state.items), len(snapshot.overlay)
    ids = state.users.ids().tolist(), state.items.ids().tolist()
    return id(snapshot), id(snapshot.overlay), sizes, ids, sorted(vars(recommender))


LOG_CALLS = [
    "read", "fit", "partial_update", "partial_update", "predict", "score_samples", "transform", "fit_transform",
    "temporal_train_test_split", "TemporalSplit",
]  # fmt: skip
ID_CALLS = [
    "predict_topk", "candidates", "exclude", "sequences", "a sequence", "explain users", "explain items",
    "similar_items",
    "user_embeddings", "per-user candidates",
]  # fmt: skip


def call_with_ids(recommender, name, known, given):
    """Call what takes ids; returns the number of answers it gave for them, None where that says nothing."""
    user, item = known
    if name == "predict_topk":
        return len(recommender.predict_topk(given, k=2))
    if name in ("candidates", "exclude"):
        return recommender.predict_topk([user], k=2, **{name: given}) is None
    if name == "per-user candidates":
        return recommender.predict_topk([user], k=2, candidates=[given]) is None
    if name == "sequences":
        return recommender.predict_topk_sequences(given, k=2) is None
    if name == "a sequence":
        return recommender.predict_topk_sequences([given], k=2) is None
    if name == "explain users":
        return len(recommender.explain(given, [item]).scores)
    if name == "explain items":
        return recommender.explain([user], given).scores.shape[1]
    if name == "user_embeddings":
        return len(recommender.user_embeddings(given))
    return len(recommender.similar_items(given, k=1))


def try_ids(subjects, name, call, case, counted):
    """Try ids on one call; a failure is an AssertionError."""
    recommender = subjects.recommenders[name]
    before = state_of(recommender)
    user, item = FITTED_LOGS[name][0][:2]
    try:
        answers = call_with_ids(recommender, call, (user, item), case.make())
    except Exception as error:
        counted[case.kind, "refused"] += 1
        check_refusal(error)
    else:
        counted[case.kind, "worked"] += 1
        lists = call in ("candidates", "exclude", "sequences", "a sequence", "per-user candidates")
        assert lists or case.columns is not None, "what is no list of ids was read as one"
        if case.columns is not None and not lists:
            assert None not in map(meaning_of_id, case.columns[0]), "no id was taken for one"
            assert answers == len(case.columns[0]), "not one answer for each"
    assert state_of(recommender) == before, "asking changed the state"


def try_log(subjects, name, call, case, counted):
    """Try a log on one call; a failure is an AssertionError."""
    recommender = subjects.recommenders[name]
    before, pickled = state_of(recommender), pickle.dumps(recommender) if random.random() < 0.02 else None
    try:
        answer = LOGS_CALLED[call](recommender, subjects.transformers[name], case.make())
    except Exception as error:
        counted[case.kind, "refused"] += 1
        check_refusal(error)
        is_matrix = isinstance(error, TypeError) and "np.matrix is not supported" in str(error)  # scikit-learn says so
        if call in ("read", "fit") and must_be_read(case) and not is_matrix:
            raise AssertionError(f"a good log was refused: {error!r}") from error
        assert state_of(recommender) == before, "a refusal changed the state"
        assert pickled is None or pickle.dumps(recommender) == pickled, "a refusal changed the pickle"
        return
    counted[case.kind, "worked"] += 1
    assert case.columns is not None, "what is no log was read as one"
    if call == "read":
        check_read(case, answer)
    for spelt, ids in zip(case.columns, answer if call != "read" else (), strict=False):
        meanings = {meaning_of_id(value) for value in spelt}
        assert None not in meanings, "no id was taken for one"
        found = [meaning_of_id(value) for value in ids]
        assert len(set(found)) == len(found), "an id stands twice in a vocabulary"
        assert meanings <= set(found) if call in ("partial_update", "transform") else meanings == set(found), (
            f"ids were changed or merged: {spelt!r} became {ids!r}"
        )
    if call in ("fit", "partial_update"):
        subjects.put_back(name)
    else:
        assert state_of(recommender) == before, "asking changed the state"


def _vocabularies(fitted):
    return fitted.user_ids_.tolist(), fitted.item_ids_.tolist()


def _read(recommender, transformers, log):
    return read_columns(log)


def _fit(recommender, transformers, log):
    return _vocabularies(recommender.fit(log))


def _update(recommender, transformers, log):
    return _vocabularies(recommender.partial_update(log))


def _predict(recommender, transformers, log):
    recommender.predict(log)
    return ()


def _score(recommender, transformers, log):
    recommender.score_samples(log)
    return ()


def _transform(recommender, transformers, log):
    kind = random.choice(preprocessing.__all__)
    before = _vocabularies(transformers[kind])
    result = transformers[kind].transform(log)
    assert _vocabularies(transformers[kind]) == before
    return (result.user_ids.tolist(), result.item_ids.tolist()) if hasattr(result, "user_ids") else ()


def _fit_transform(recommender, transformers, log):
    transformer = getattr(preprocessing, random.choice(preprocessing.__all__))()
    transformer.fit_transform(log)
    return _vocabularies(transformer)


def _split(recommender, transformers, log):
    train, test = temporal_train_test_split(log, test_size=1)
    users = [read_columns(part).users.tolist() for part in (train, test)]
    assert len(users[1]) == 1
    return (set(users[0] + users[1]),)


def _fold(recommender, transformers, log):
    for train, test in TemporalSplit(n_splits=1, test_size=1).split(log):
        assert len(set(train.tolist() + test.tolist())) == len(train) + len(test)
    return ()


LOGS_CALLED = {
    "read": _read, "fit": _fit, "partial_update": _update, "predict": _predict, "score_samples": _score,
    "transform": _transform, "fit_transform": _fit_transform, "temporal_train_test_split": _split,
    "TemporalSplit": _fold,
}  # fmt: skip


def try_cases(n_cases, counted=None, on_failure=None, derandomize=False):
    """Try many drawn cases; returns how many of each kind worked and were refused.

    Parameters
    ----------
    n_cases : int
        How many.
    counted : Counter or None
        Where to count (kind, outcome).
    on_failure : callable or None
        Takes the call, the case and the AssertionError of a failure; None raises it, as hypothesis shrinks it.
    derandomize : bool
        Whether to draw the same cases every time.
    """
    subjects, counted = Subjects(), Counter() if counted is None else counted

    def attempt(name, drawn):
        call, case = drawn
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                (try_log if call in LOGS_CALLED else try_ids)(subjects, name, call, case, counted)
            except AssertionError as error:
                subjects.put_back(name)
                if on_failure is None:
                    raise AssertionError(f"{call}, {case.kind} {case.columns!r:.300}: {error}") from error
                on_failure(call, case, error)

    calls = st.one_of(
        st.tuples(st.sampled_from(LOG_CALLS), hostile.logs()),
        st.tuples(st.sampled_from(LOG_CALLS), hostile.logs()),
        st.tuples(st.sampled_from(ID_CALLS), hostile.ids()),
    )
    many = settings(
        max_examples=n_cases,
        database=None,
        deadline=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate] if on_failure else [Phase.generate, Phase.shrink],
    )
    many(given(st.sampled_from(sorted(FITTED_LOGS)), calls)(attempt))()
    return counted
