"""What events count is saved, journaled and checked as everything else is."""

import numpy as np
import pytest
from comparisons import assert_same_answers, assert_same_base
from damage import read_parts, seal
from hypothesis import given, settings
from journals import LOG, SMALL, UPDATES, load
from strategies import recommenders, weighted_logs

from skautoseqrec import AutoSeqRecRecommender, ModelFileError, load_model
from skautoseqrec._persistence.recording import Update, WeightedUpdate

WEIGHTS = [0.5, 2, 0, 1]
pytestmark = [
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),
]


@pytest.fixture
def weighted():
    return AutoSeqRecRecommender(**SMALL).fit(LOG, sample_weight=WEIGHTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weighted")


def assert_same(actual, expected):
    assert_same_base(actual._serving.state.merged(), expected._serving.state.merged())
    assert_same_answers(actual, expected)


@settings(max_examples=8)
@given(weighted_logs(n_parts=3, max_size=12), recommenders(objective="closed_form"))
def test_what_is_loaded_goes_on_where_it_was(folder, parts, recommender):
    recommender.fit(parts[0]).partial_update(parts[1])
    recommender.save_model(folder / "model")
    loaded = load_model(folder / "model")
    assert_same(loaded.partial_update(parts[2]), recommender.partial_update(parts[2]))


@pytest.mark.parametrize("event_weights", [{"view": 0.5, "buy": 1}, {1: 0.5, 4: 1}, {1: 0.5, "buy": 1}])
def test_weights_of_kinds_are_kept(event_weights, tmp_path):
    kind, *_ = event_weights
    log = [{"user": user, "item": item, "time": time, "event": kind} for user, item, time in LOG]
    recommender = AutoSeqRecRecommender(**SMALL, event_weights=event_weights).fit(log)
    recommender.save_model(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.event_weights == event_weights
    assert_same(loaded.partial_update(log), recommender.partial_update(log))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda units: units[1:], "different lengths"),
        (lambda units: units - 1024, "'events.weights' holds -512 in row 0, which is no weight"),
        (lambda units: units + 2**31, "'events.weights' holds .* in row 0, which is no weight"),
        (lambda units: units.astype(np.float64), "'events.weights' is float64"),
        (lambda units: units[None], r"'events.weights' is int64 of shape \(1, 4\)"),
    ],
)
def test_damaged_weights_are_refused(weighted, tmp_path, change, message):
    path = tmp_path / "model"
    weighted.save_model(path)
    manifest, arrays = read_parts(path)
    path.write_bytes(seal(manifest, arrays | {"events.weights": change(arrays["events.weights"])}))
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


@pytest.mark.parametrize(
    "event_weights",
    [{"pairs": [["view"]]}, {"pairs": [[1.5, 1.0]]}, {"dict": {"view": -1.0}}, {"dict": {"view": "x"}}, {"dict": {}}],
)
def test_damaged_weights_of_kinds_are_refused(weighted, tmp_path, event_weights):
    path = tmp_path / "model"
    weighted.save_model(path)
    manifest, arrays = read_parts(path)
    manifest["parameters"]["event_weights"] = event_weights
    path.write_bytes(seal(manifest, arrays))
    with pytest.raises(ModelFileError, match="event_weights"):
        load_model(path)


def test_a_file_from_before_weights_has_none(tmp_path):
    path, recommender = tmp_path / "model", AutoSeqRecRecommender(**SMALL).fit(LOG)
    recommender.save_model(path)
    manifest, arrays = read_parts(path)
    manifest["version"] = 1
    manifest["parameters"].pop("event_weights")
    path.write_bytes(seal(manifest, arrays))
    loaded = load_model(path)
    assert not loaded._serving.state.events.has_weights
    assert loaded.event_weights is None
    assert_same(loaded, recommender)


def test_a_journal_has_the_weights_of_updates(weighted, paths):
    weighted.save_model(paths[0], journal=paths[1])
    weighted.partial_update(UPDATES[0]).partial_update(UPDATES[1], sample_weight=[0.25, 3])
    weighted.forget(users=["user 2"]).partial_update(UPDATES[2], sample_weight=[0])
    weighted.close_journal()
    assert_same(load(paths), weighted)


def test_an_update_with_weights_is_a_kind_of_its_own(weighted, paths):
    weighted.save_model(paths[0], journal=paths[1])
    weighted.partial_update(UPDATES[0]).partial_update(UPDATES[0], sample_weight=[2])
    kinds = [change.kind for change in weighted._journal.changes(1)]
    weighted.close_journal()
    assert kinds == [Update.kind, WeightedUpdate.kind] == [1, 3]
