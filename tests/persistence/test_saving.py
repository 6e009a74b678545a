"""Saved models: what is loaded goes on where it was, and what is damaged or forged is refused."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from comparisons import assert_same_answers, assert_same_weights
from damage import damage_bytes, damage_numbers, forge, read_parts, seal
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from strategies import logs, recommenders
from worlds import SMALL

from skautoseqrec import AutoSeqRecRecommender, ModelFileError, load_model
from skautoseqrec._persistence.format import SECTIONS
from skautoseqrec._persistence.manifest import FORMAT_VERSION
from skautoseqrec.datasets import make_interactions

PARAMETERS = SMALL | {
    "blend": {"collaborative": 1.0, "direct": 1.0, "trend": (0.1, 0.2)},
    "trend_half_lives": (3, 30),
}
LOG = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4), ("cid", "tea", 5)]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    AutoSeqRecRecommender(**PARAMETERS, history_encoder="residual").fit(LOG).save_model(path)
    return path


def reload(recommender, folder):
    path = Path(folder) / "model.safetensors"
    recommender.save_model(path)
    return load_model(path)


def assert_same_events(actual, expected):
    first, second = actual._serving.state.events, expected._serving.state.events
    for one, other in zip(first.between(0, len(first)), second.between(0, len(second)), strict=True):
        np.testing.assert_array_equal(one, other)
    if second.times is None:
        assert first.times is None
    else:
        assert first.times.dtype == second.times.dtype
        np.testing.assert_array_equal(first.times, second.times)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("drawn")


def to_dates(log, unit):
    """Return a log whose times are datetimes, as an array of objects."""
    return [(*row[:2], np.datetime64(row[2], unit)) if len(row) > 2 else row for row in log]


@settings(max_examples=10)
@given(st.data())
def test_what_is_loaded_goes_on_where_it_was(folder, data):
    timed, kind = data.draw(st.booleans()), data.draw(st.sampled_from(["int", "str"]))
    log, more, later = (data.draw(logs(timed=timed, kind=kind, max_size=20)) for _ in range(3))
    unit = data.draw(st.sampled_from([None, "s", "D", "ns"]))
    if unit is not None:
        log, more, later = (to_dates(part, unit) for part in (log, more, later))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recommender = data.draw(recommenders()).fit(log).partial_update(more)
    loaded = reload(recommender, folder)
    assert loaded.get_params() == recommender.get_params()
    for name in ("blend_", "loss_curve_", "n_iter_", "validation_scores_", "n_features_in_"):
        assert getattr(loaded, name) == getattr(recommender, name)
    assert_same_weights(loaded, recommender)
    for new in (None, later, [(later[0][0], later[-1][1])]):
        if new is not None:
            loaded.partial_update(new)
            recommender.partial_update(new)
        assert_same_answers(loaded, recommender)
        assert_same_events(loaded, recommender)
    mine, theirs = (each._serving.state.merged().counts.transitions for each in (loaded, recommender))
    assert (mine != theirs).nnz == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(loaded.score_samples(later), recommender.score_samples(later), rtol=1e-5)


def test_a_fitted_blend_and_a_validation_come_back(tmp_path):
    log = make_interactions(n_users=100, n_items=40, n_events=1000, random_state=0)
    recommender = AutoSeqRecRecommender(4, max_iter=2, random_state=np.int64(0), refit=np.bool_(False)).fit(log)
    loaded = reload(recommender, tmp_path)
    assert loaded.blend_ == recommender.blend_
    assert loaded._serving.scorer.cold_blend == recommender._serving.scorer.cold_blend
    assert loaded.validation_scores_ == recommender.validation_scores_
    strangers = [model.predict_topk([10**9], k=5) for model in (loaded, recommender)]
    np.testing.assert_array_equal(*strangers)
    assert_same_answers(loaded, recommender)


def test_what_was_fitted_is_saved_not_what_was_set_since(tmp_path):
    recommender = AutoSeqRecRecommender(**PARAMETERS).fit(LOG)
    recommender.set_params(n_components=9, objective="paper", transition_window=1, history_encoder="auto")
    loaded = reload(recommender, tmp_path)
    assert loaded.n_components == 9
    assert loaded._serving.state.model.settings.transition_window == 5
    assert_same_answers(loaded, recommender)


@pytest.mark.parametrize("ids", [["a\0b", "", "é☃", "\ud800"], [-(2**63), 2**63 - 1, 0, 5], [0.5, 1.5, 2.0, -1.0]])
def test_ids_come_back_as_they_went_in(ids, tmp_path):
    column = np.empty(4, dtype=object)
    column[:] = ids
    log = np.column_stack([column, column[::-1]])
    loaded = reload(AutoSeqRecRecommender(**PARAMETERS).fit(log), tmp_path)
    assert loaded.user_ids_.tolist() == ids


def test_nothing_is_unpickled(saved, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something was unpickled")

    for module, name in [(pickle, "loads"), (pickle, "load"), (pickle, "Unpickler"), (torch, "load"), (np, "load")]:
        monkeypatch.setattr(module, name, refuse)
    assert load_model(saved).predict_topk(["ann"], k=1).shape == (1, 1)


def test_random_states_are_untouched(saved):
    before = torch.get_rng_state()
    load_model(saved)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_bytes_are_refused(saved, tmp_path, seed):
    rng, content, path = np.random.default_rng(seed), saved.read_bytes(), tmp_path / "damaged"
    for _ in range(50):
        damaged = damage_bytes(content, rng) if rng.random() < 0.7 else damage_numbers(content, rng)
        path.write_bytes(damaged)
        if damaged != content:
            with pytest.raises(ModelFileError, match="damaged: "):
                load_model(path)


@pytest.mark.parametrize("seed", range(3))
def test_forged_files_are_refused_or_are_models(saved, tmp_path, seed):
    rng, parts, path = np.random.default_rng(seed), read_parts(saved), tmp_path / "forged"
    refused = 0
    for _ in range(50):
        path.write_bytes(forge(*parts, rng))
        try:
            model = load_model(path)
        except ModelFileError as error:
            refused += "forged: " in str(error)
        else:
            assert model.predict_topk(["ann", "nobody"], k=1).shape == (2, 1)
    assert refused > 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 3}, "format 3, and this version of skautoseqrec reads up to 2"),
        ({"class": "Pipeline"}, "holds a Pipeline, not an AutoSeqRecRecommender"),
        ({"parameters": {"n_components": 0}}, "'n_components' parameter of AutoSeqRecRecommender must be"),
        ({"parameters": {"n_layers": 2}}, "'parameters' are not those of an AutoSeqRecRecommender"),
        ({"objective": "bpr"}, "'objective' parameter of the fitted model must be"),
        ({"n_iter": -1}, "n_iter must be at least 0 .* got -1"),
        ({"n_iter": "3"}, "a str in 'n_iter', not a int"),
        ({"blend": {"dict": {"direct": -1.0}}}, "blend is none: .*at least 0"),
        ({"blend": {"dict": {"direct": 1e308}}}, r"blend is none: blend\['direct'\] is above 1e\+15"),
        (
            {"cold_blend": {"dict": {"collaborative": 0.0, "one_hop": 1e308, "trend": {"tuple": [0.0, 0.0]}}}},
            r"blend is none: blend\['one_hop'\] is above 1e\+15",
        ),
        ({"cold_blend": {"dict": {"direct": 1.0}}}, r"blend is none: blend has unknown parts \['direct'\]"),
        ({"model_id": "../x"}, "no id of a model"),
        ({"objective": "closed_form"}, "encoder_weight' is missing, or not of items by components"),
    ],
)
def test_what_a_manifest_says_is_checked(saved, tmp_path, change, message):
    manifest, arrays = read_parts(saved)
    path = tmp_path / "forged"
    path.write_bytes(seal(manifest | change, arrays))
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("events.items", lambda codes: codes + 1, "'events.items' holds 3 in row 3, of 3 ids"),
        ("events.users", lambda codes: codes[1:], "different lengths"),
        ("events.clock", lambda clock: clock - 1, "sequence numbers"),
        ("item_ids.ends", lambda ends: ends + 1, "does not divide the text"),
        ("user_ids.text", lambda text: text * 0 + 255, "not UTF-8"),
        ("user_ids.text", lambda text: text * 0, "holds an id twice"),
        ("weights.encoder_bias", lambda weights: weights[1:], "not of the shape for 3 items and 4 components"),
        ("weights.encoder_bias", lambda weights: weights * np.float32("nan"), "no number of 32 bits"),
        ("weights.encoder_weight", lambda weights: weights[:0], "missing, or not of items by components"),
        ("weights.encoder_weight", lambda weights: weights[:, :0], "missing, or not of items by components"),
        ("linear.items", lambda items: items[::-1].copy(), "'linear.items' does not rise"),
        ("linear.items", lambda items: items + 1, "'linear.items' holds 3 in row 2, of 3 ids"),
        ("linear.items", lambda items: items[:0], "'linear.items' does not rise, or is empty"),
        ("linear.weights", lambda weights: weights[1:], "'linear.weights' is missing, or not of 3 by 3 items"),
        ("linear.weights", lambda weights: weights * np.float32("nan"), "no number of 32 bits"),
    ],
)
def test_what_arrays_hold_is_checked(saved, tmp_path, name, change, message):
    manifest, arrays = read_parts(saved)
    path = tmp_path / "forged"
    path.write_bytes(seal(manifest, arrays | {name: change(arrays[name])}))
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


def test_an_edited_manifest_is_noticed(saved, tmp_path):
    path = tmp_path / "edited"
    path.write_bytes(saved.read_bytes().replace(b'\\"max_iter\\": 2', b'\\"max_iter\\": 3'))
    with pytest.raises(ModelFileError, match="edited: the manifest is not as it was written"):
        load_model(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id\n1,2\n")
    for path, message in [(tmp_path / "log.csv", "no saved model"), (tmp_path, "not a file")]:
        with pytest.raises(ModelFileError, match=message):
            load_model(path)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load_model(tmp_path / "nothing")


def test_what_cannot_be_saved_leaves_the_old_file(saved, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(saved.read_bytes())
    with pytest.raises(NotFittedError):
        AutoSeqRecRecommender().save_model(path)
    recommender = AutoSeqRecRecommender(**PARAMETERS | {"random_state": np.random.RandomState(0)}).fit(LOG)
    with pytest.raises(ValueError, match=r"random_state is RandomState.*set_params\(random_state=None\)"):
        recommender.save_model(path)
    assert path.read_bytes() == saved.read_bytes()
    recommender.set_params(random_state=None).save_model(path)
    assert path.read_bytes() != saved.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_a_disk_that_fails_leaves_the_old_file(saved, tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(saved.read_bytes())

    def fail(descriptor):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        AutoSeqRecRecommender(**PARAMETERS).fit(LOG).save_model(path)
    assert path.read_bytes() == saved.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_a_subclass_is_not_saved(tmp_path):
    class Special(AutoSeqRecRecommender):
        pass

    with pytest.raises(TypeError, match="not its subclass Special"):
        Special(**SMALL).fit(LOG).save_model(tmp_path / "model")


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="cannot be written"):
        AutoSeqRecRecommender(**SMALL).fit(LOG).save_model(tmp_path / "no folder" / "model")


def test_no_section_is_newer_than_the_format_that_files_say_they_have():
    assert max(section.since for section in SECTIONS) == FORMAT_VERSION


def test_a_file_from_before_a_part_was_added_weighs_it_nothing(saved, tmp_path):
    manifest, arrays = read_parts(saved)
    manifest["cold_blend"]["dict"].pop("popularity")
    assert len(manifest["blend"]["dict"]["repeat"]["tuple"]) == 4
    manifest["blend"]["dict"].pop("repeat")
    path = tmp_path / "older.safetensors"
    path.write_bytes(seal(manifest, arrays))
    loaded = load_model(path)
    assert loaded.blend_["repeat"] == (0.0, 0.0, 0.0, 0.0)
    assert loaded._serving.scorer.cold_blend["popularity"] == 0.0
    manifest["blend"]["dict"]["repeat"] = {"tuple": [0.0, 0.5, 0.25]}
    path.write_bytes(seal(manifest, arrays))
    assert load_model(path).blend_["repeat"] == (0.0, 0.5, 0.25, 0.0)
    assert loaded.predict_topk(["ann"], k=1).shape == (1, 1)


def test_a_model_may_be_saved_without_a_linear_part_and_half_of_one_is_refused(saved, tmp_path):
    manifest, arrays = read_parts(saved)
    path = tmp_path / "half"
    path.write_bytes(seal(manifest, {name: array for name, array in arrays.items() if name != "linear.weights"}))
    with pytest.raises(ModelFileError, match=r"'linear.weights' is missing"):
        load_model(path)
    path.write_bytes(seal(manifest, {name: array for name, array in arrays.items() if not name.startswith("linear.")}))
    assert not load_model(path).with_blend({"linear": 1.0}).predict_topk(["ann"], k=1, return_scores=True)[1].any()
