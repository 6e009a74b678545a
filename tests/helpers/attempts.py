"""Hostile arguments tried on everything that takes a log or ids, and the judgement of what came of it."""

import pickle
import random
import warnings
from collections import Counter

import hostile
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from judgement import check_read, check_refusal, meaning_of_id, must_be_read

from skautoseqrec import AutoSeqRecRecommender, preprocessing
from skautoseqrec._data.reading import read_columns
from skautoseqrec.metrics import bootstrap_interval, catalogue_coverage
from skautoseqrec.model_selection import TemporalSplit, temporal_train_test_split
from skautoseqrec.reranking import MaxPerGroup

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
    sizes = len(state.events), len(state.user_vocabulary), len(state.item_vocabulary), len(snapshot.overlay)
    ids = state.user_vocabulary.ids().tolist(), state.item_vocabulary.ids().tolist()
    return id(snapshot), id(snapshot.overlay), sizes, ids, sorted(vars(recommender))


LOG_CALLS = [
    "read", "fit", "partial_update", "partial_update", "dislike", "predict", "score_samples", "transform",
    "fit_transform",
    "temporal_train_test_split", "TemporalSplit", "catalogue",
]  # fmt: skip
ID_CALLS = [
    "predict_topk", "candidates", "exclude", "sequences", "a sequence", "explain users", "explain items",
    "similar_items",
    "user_embeddings", "per-user candidates", "recommended", "bootstrapped users", "framed", "listed", "titles",
    "groups", "reranked", "predict_users", "users of predict_users", "similar_users", "unknown candidates",
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
    if name == "recommended":
        return catalogue_coverage([given, [item]], dict.fromkeys(recommender.item_ids_.tolist(), 1)) is None
    if name == "bootstrapped users":
        return bootstrap_interval([0.0, 1.0], given) is None
    if name == "user_embeddings":
        return len(recommender.user_embeddings(given))
    if name in ANSWERS_CALLED:
        return ANSWERS_CALLED[name](recommender, user, item, given)
    return len(recommender.similar_items(given, k=1))


#: What gives answers in other forms, or takes ids in other arguments; each returns what :func:`call_with_ids` does.
ANSWERS_CALLED = {
    "framed": lambda recommender, user, item, given: len(
        recommender.predict_topk(given, k=1, exclude_seen=False, output="frame")
    ),
    "listed": lambda recommender, user, item, given: len(recommender.predict_topk(given, k=2, output="list")),
    "titles": lambda recommender, user, item, given: (
        recommender.predict_topk([user], output="list", titles=given) is None
    ),
    "groups": lambda recommender, user, item, given: (
        recommender.predict_topk([user], rerank=MaxPerGroup(1, given)) is None
    ),
    "reranked": lambda recommender, user, item, given: (
        recommender.predict_topk([user], rerank=lambda *page: [given]) is None
    ),
    "predict_users": lambda recommender, user, item, given: len(recommender.predict_users(given, k=2)),
    "users of predict_users": lambda recommender, user, item, given: (
        recommender.predict_users([item], users=given) is None
    ),
    "similar_users": lambda recommender, user, item, given: len(recommender.similar_users(given, k=1)),
    "unknown candidates": lambda recommender, user, item, given: (
        recommender.predict_topk([user], candidates=given, on_unknown="raise", output="frame") is None
    ),
}


#: Whose answer does not say how many ids were read.
WITHOUT_NUMBER = {"candidates", "exclude", "sequences", "a sequence", "per-user candidates", "titles", "groups"}
WITHOUT_NUMBER |= {"reranked", "users of predict_users", "unknown candidates", "recommended", "bootstrapped users"}


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
        lists = call in WITHOUT_NUMBER
        alone = call in ("explain users", "explain items") and case.kind in ("no ids: text", "no ids: a number")
        assert lists or alone or case.columns is not None, "what is no list of ids was read as one"
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
    if call == "dislike" and not any(answer):  # a log of nobody is one of nothing to dislike
        return
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
    if call in ("fit", "partial_update", "dislike"):
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


def _dislike(recommender, transformers, log):
    recommender.dislike(log)
    ids = recommender.dislikes_.T.tolist()
    recommender.dislike(recommender.dislikes_, withdraw=True)
    assert recommender.dislikes_.size == 0
    return [dict.fromkeys(column) for column in ids]


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
    users = [read_columns(part).user_ids.tolist() for part in (train, test)]
    assert len(users[1]) == 1
    return (set(users[0] + users[1]),)


def _fold(recommender, transformers, log):
    for train, test in TemporalSplit(n_splits=1, test_size=1).split(log):
        assert len(set(train.tolist() + test.tolist())) == len(train) + len(test)
    return ()


def _catalogue(recommender, transformers, log):
    known = read_columns(log).item_ids
    assert catalogue_coverage([known.tolist()], log) == 1
    return ()


LOGS_CALLED = {
    "read": _read, "fit": _fit, "partial_update": _update, "dislike": _dislike, "predict": _predict,
    "score_samples": _score, "transform": _transform, "fit_transform": _fit_transform,
    "temporal_train_test_split": _split, "TemporalSplit": _fold, "catalogue": _catalogue,
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
