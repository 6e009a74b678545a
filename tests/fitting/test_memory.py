"""Memory: what cannot be held is refused before it is tried."""

import numpy as np
import pytest
from worlds import SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.counts import Counts
from skautoseqrec._counts.events import Events
from skautoseqrec._fit_settings import resolve_parameters
from skautoseqrec._fitting.fit import fit_bytes
from skautoseqrec._utils.memory import CONTROL_GROUPS, available_bytes, require_bytes

LOG = [("ann", "tea"), ("ann", "milk"), ("bob", "tea")]


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr("skautoseqrec._utils.memory.ALWAYS_THERE", 0)
    monkeypatch.setattr("skautoseqrec._utils.memory.available_bytes", lambda: 1000)


def test_a_fit_that_cannot_succeed_is_refused_and_changes_nothing(little_memory):
    recommender = AutoSeqRecRecommender(**SMALL)
    with pytest.raises(MemoryError, match=r"This fit takes about .* GiB and 0.0 GiB are available. Lower n_comp"):
        recommender.fit(LOG)
    assert not hasattr(recommender, "n_features_in_")


def test_an_answer_that_cannot_be_held_is_refused(monkeypatch):
    recommender = AutoSeqRecRecommender(**SMALL).fit(LOG)
    monkeypatch.setattr("skautoseqrec._utils.memory.available_bytes", lambda: 2**30)
    with pytest.raises(MemoryError, match=r"An answer of 100,000,000 items for each of 2 users takes about 7\.5 GiB"):
        recommender.predict_topk(["ann", "bob"], k=10**8)
    assert recommender.predict_topk(["ann"], k=1).shape == (1, 1)


def test_little_is_never_refused(monkeypatch):
    monkeypatch.setattr("skautoseqrec._utils.memory.available_bytes", lambda: 0)
    require_bytes(2**26, "This", "")
    with pytest.raises(MemoryError):
        require_bytes(2**26 + 1, "This", "")


@pytest.mark.parametrize("version", [0, 1])
def test_a_control_group_may_have_less_than_the_machine(version, tmp_path, monkeypatch):
    assert available_bytes() > 0
    group = CONTROL_GROUPS[version]._replace(folder=tmp_path)
    monkeypatch.setattr("skautoseqrec._utils.memory.CONTROL_GROUPS", [group])
    (tmp_path / group.used).write_text("2000\n")
    (tmp_path / group.limit).write_text("max\n")
    assert available_bytes() > 3000
    (tmp_path / group.limit).write_text("5000\n")
    assert available_bytes() == 3000
    (tmp_path / "memory.stat").write_text(f"anon 700\n{group.reclaimable} 500\n")
    assert available_bytes() == 3500


def test_memory_grows_with_items_components_events_and_logits():
    def bytes_of(n_items=1000, n_events=5000, **changes):
        changes = {"history_encoder": "shared", **changes}
        parameters = AutoSeqRecRecommender(n_components=64, n_negatives=None).set_params(**changes).get_params()
        items = np.arange(n_events) % n_items
        counts, _ = Counts.empty().add_events(Events(np.zeros(n_events, int), items, 1, n_items), np.array([1]))
        return fit_bytes(counts, resolve_parameters(parameters).for_log(counts))

    base = bytes_of()
    assert bytes_of(n_components=65) - base == 4 * (8 * 4 + 11) * 1000
    assert bytes_of(batch_size=257) - base == 4 * 3 * 1000
    assert bytes_of(history_encoder="residual") - base == 4 * 256 * 60 * 64
    assert bytes_of(n_events=6000) > base
    assert bytes_of(n_items=2000) > base
    assert bytes_of(n_items=100_000, n_events=100_000, n_negatives=10) < bytes_of(n_items=100_000, n_events=100_000)
