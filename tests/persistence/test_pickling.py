"""Copies and pickles, which hold everything as it is, and skops, which holds numbers and text."""

import copy
import pickle
import threading
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from worlds import SMALL

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender, ModelFileError
from skautoseqrec._persistence.pickling import ARRAYS, DESCRIPTION
from skautoseqrec._state.base import Base
from skautoseqrec.datasets import make_interactions
from skautoseqrec.metrics import mrr_scorer
from skautoseqrec.model_selection import Reblended, TemporalSplit
from skautoseqrec.preprocessing import (
    InteractionEncoder,
    ItemTransitionTransformer,
    SequenceMatrixTransformer,
    UserItemTransformer,
)

LOG = make_interactions(n_users=30, n_items=25, n_events=350, random_state=0)
NAMED = np.array([[f"user {user}", f"\ud800 {item}", time] for user, item, time in LOG], dtype=object)
#: What the user guide says to trust.
RECOMMENDER = "skautoseqrec.recommender.AutoSeqRecRecommender"
STEPS = ["skautoseqrec.preprocessing.InteractionEncoder", "skautoseqrec.preprocessing.SequenceMatrixTransformer"]
SEARCH = ["skautoseqrec.metrics.RankingScorer", "skautoseqrec.model_selection.TemporalSplit"]
REBLENDED = "skautoseqrec.model_selection.Reblended"


@pytest.fixture(scope="module")
def skops():
    return pytest.importorskip("skops.io", reason="skops is not installed")


@pytest.fixture(scope="module")
def fitted():
    return AutoSeqRecRecommender(**SMALL).fit(NAMED[:300])


def through_skops(skops, estimator, path, trusted):
    """Return what skops makes of an estimator where it trusts these types, which are no more than are needed."""
    skops.dump(estimator, path)
    assert skops.get_untrusted_types(file=path) == sorted(trusted)
    return skops.load(path, trusted=trusted)


@pytest.mark.parametrize("log", [LOG, NAMED, NAMED[:, :2]], ids=["integers", "strings", "no times"])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"blend": "auto", "early_stopping": True},
        {"history_encoder": "residual", "random_state": np.random.RandomState(0)},
        PAPER_PARAMS | {"n_components": 4, "max_iter": 1},
    ],
    ids=["fixed", "validated", "residual", "paper"],
)
def test_skops_holds_a_recommender_that_goes_on(skops, tmp_path, log, parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the log is short
        recommender = AutoSeqRecRecommender(**{**SMALL, **parameters}).fit(log[:250])
    recommender.partial_update(log[250:280]).forget(users=[log[0, 0]])
    loaded = through_skops(skops, recommender, tmp_path / "model.skops", [RECOMMENDER])
    for name in ("blend_", "loss_curve_", "n_iter_", "validation_scores_", "n_features_in_"):
        assert getattr(loaded, name) == getattr(recommender, name)
    numbers = {"random_state": None}  # a RandomState is only equal to itself
    assert loaded.get_params() | numbers == recommender.get_params() | numbers
    for events in (None, log[280:320]):
        if events is not None:
            for each in (loaded, recommender):
                each.partial_update(events)
        np.testing.assert_array_equal(loaded.user_ids_, recommender.user_ids_)
        np.testing.assert_array_equal(loaded.item_ids_, recommender.item_ids_)
        np.testing.assert_allclose(loaded.score_samples(log[320:]), recommender.score_samples(log[320:]), rtol=1e-5)
        answers = [each.predict_topk(each.user_ids_, k=3, return_scores=True)[1] for each in (loaded, recommender)]
        np.testing.assert_allclose(*map(np.ma.filled, answers), rtol=1e-4, atol=1e-5)
    state, other = loaded._serving.state.merged().counts, recommender._serving.state.merged().counts
    np.testing.assert_array_equal(state.arrivals, other.arrivals)
    assert (state.transitions != other.transitions).nnz == 0


def test_skops_trusts_nothing_of_ours_by_itself(skops, fitted):
    with pytest.raises(Exception, match=RECOMMENDER):
        skops.loads(skops.dumps(fitted), trusted=[])


def test_skops_holds_what_is_not_fitted(skops, tmp_path):
    recommender = AutoSeqRecRecommender(n_components=7, blend={"direct": 1.0})
    loaded = through_skops(skops, recommender, tmp_path / "model.skops", [RECOMMENDER])
    assert loaded.get_params() == recommender.get_params()
    assert not hasattr(loaded, "module_")


def test_skops_holds_pipelines(skops, tmp_path):
    recommender = AutoSeqRecRecommender(**SMALL)
    pipe = make_pipeline(InteractionEncoder(), SequenceMatrixTransformer(transition_window=2), recommender)
    pipe.fit(NAMED[:300])
    loaded = through_skops(skops, pipe, tmp_path / "pipe.skops", [*STEPS, RECOMMENDER])
    np.testing.assert_array_equal(loaded.predict(NAMED[300:]), pipe.predict(NAMED[300:]))
    np.testing.assert_array_equal(loaded[0].user_ids_, pipe[0].user_ids_)
    for each in (loaded, pipe):
        each[-1].partial_update(each[:-1].transform(NAMED[300:]))
    np.testing.assert_array_equal(loaded[-1].item_ids_, pipe[-1].item_ids_)


def test_skops_holds_searches(skops, tmp_path):
    options = {"scoring": mrr_scorer, "cv": TemporalSplit(2)}
    search = GridSearchCV(AutoSeqRecRecommender(**SMALL), {"context_size": [1, 2]}, **options).fit(LOG[:300])
    loaded = through_skops(skops, search, tmp_path / "search.skops", [*SEARCH, RECOMMENDER])
    assert loaded.best_params_ == search.best_params_
    assert loaded.score(LOG[300:]) == pytest.approx(search.score(LOG[300:]))


def test_skops_holds_other_blends(skops, tmp_path):
    reblended = Reblended(AutoSeqRecRecommender(**SMALL), blend={"direct": 1.0}).fit(LOG[:300])
    loaded = through_skops(skops, reblended, tmp_path / "reblended.skops", [REBLENDED, RECOMMENDER])
    assert loaded.recommender_.blend_ == reblended.recommender_.blend_
    assert loaded.score(LOG[300:]) == pytest.approx(reblended.score(LOG[300:]))


def test_skops_gets_no_requests_and_no_callbacks(skops, tmp_path):
    recommender = AutoSeqRecRecommender(**SMALL)
    with sklearn.config_context(enable_metadata_routing=True):
        recommender.set_score_request(sample_weight=True)
    recommender.fit(LOG)._skl_callbacks = [object()]
    loaded = through_skops(skops, recommender, tmp_path / "model.skops", [RECOMMENDER])
    assert not hasattr(loaded, "_metadata_request")
    assert not hasattr(loaded, "_skl_callbacks")


def test_copies_and_pickles_are_not_counted_again(fitted, monkeypatch):
    def refuse(*args):
        raise AssertionError("a base was built")

    monkeypatch.setattr(Base, "build", refuse)
    for twin in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert twin._serving.state is not fitted._serving.state
        np.testing.assert_array_equal(twin.score_samples(NAMED[300:]), fitted.score_samples(NAMED[300:]))
    assert copy.copy(fitted)._serving.state is fitted._serving.state


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_holds_a_recommender(fitted, protocol):
    twin = pickle.loads(pickle.dumps(fitted, protocol))
    np.testing.assert_array_equal(twin.predict(NAMED[:5]), fitted.predict(NAMED[:5]))


@pytest.mark.parametrize(
    "transformer",
    [InteractionEncoder(), SequenceMatrixTransformer(2, 0.5), UserItemTransformer(), ItemTransitionTransformer()],
    ids=lambda transformer: type(transformer).__name__,
)
@pytest.mark.parametrize("log", [LOG, NAMED], ids=["integers", "strings"])
def test_transformers_are_copied_and_pickled(transformer, log):
    transformer = sklearn.base.clone(transformer)
    assert not hasattr(pickle.loads(pickle.dumps(transformer)), "user_ids_")
    transformer.fit(log[:200])
    for twin in (pickle.loads(pickle.dumps(transformer)), copy.copy(transformer), copy.deepcopy(transformer)):
        assert twin.get_params() == transformer.get_params()
        for name in ("user_ids_", "item_ids_"):
            np.testing.assert_array_equal(getattr(twin, name), getattr(transformer, name))
            assert getattr(twin, name).dtype == getattr(transformer, name).dtype
        actual, expected = twin.transform(log), transformer.transform(log)
        assert type(actual) is type(expected)
        assert actual.shape == expected.shape


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({DESCRIPTION: "{"}, "is not JSON"),
        ({DESCRIPTION: None}, "is not JSON"),
        ({DESCRIPTION: "[]"}, "is described by a list"),
        ({DESCRIPTION: "{}"}, "does not say which version of the format"),
        ({DESCRIPTION: '{"version": 3}'}, "format 3, and this version of skautoseqrec reads up to 2"),
        ({DESCRIPTION: '{"version": 1}'}, "has no 'objective'"),
        ({ARRAYS: [1]}, "is not a dict of arrays of"),
        ({ARRAYS: {"user_ids": np.array(["ann"], dtype=object)}}, "is not a dict of arrays of"),
        ({ARRAYS: {"user_ids": np.ones(3, dtype=np.float16)}}, "is not a dict of arrays of"),
        ({ARRAYS: {"user_ids": np.ones(2, dtype=np.int64)}}, "'user_ids' holds an id twice"),
        ({ARRAYS: {}}, "'user_ids.text' is missing"),
    ],
)
def test_forged_states_are_refused(fitted, changed, message):
    state = fitted.__getstate__() | changed
    with pytest.raises(ModelFileError, match=message):
        AutoSeqRecRecommender().__setstate__(state)


def test_forged_ids_of_transformers_are_refused():
    encoder = InteractionEncoder().fit(LOG)
    state = encoder.__getstate__()
    with pytest.raises(ModelFileError, match="'item_ids' holds an id twice"):
        encoder.__setstate__(state | {"_ids": state["_ids"] | {"item_ids": np.zeros(2, dtype=np.int64)}})


def test_a_subclass_has_its_say_in_what_is_pickled_and_copied(fitted):
    class Locked(AutoSeqRecRecommender):
        def __getstate__(self):
            return {name: value for name, value in super().__getstate__().items() if name != "lock"}

    locked = Locked(**SMALL).fit(NAMED[:300])
    locked.lock = threading.Lock()
    twin = copy.deepcopy(locked)
    assert not hasattr(twin, "lock")
    np.testing.assert_array_equal(twin.predict_topk(NAMED[:9, 0]), locked.predict_topk(NAMED[:9, 0]))
