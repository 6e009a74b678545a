"""Training on few of many items, against training on all of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from networks import shares
from scipy import sparse

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.counted_log import count_log
from skautoseqrec._counts.settings import SequenceSettings
from skautoseqrec._data.reading import read_columns
from skautoseqrec._network.inputs import ItemSequences, SparseRows
from skautoseqrec._network.module import DECODERS, AutoSeqRecModule
from skautoseqrec._network.residual_encoder import ResidualEncoder
from skautoseqrec._training import sampled_steps
from skautoseqrec._training.batches import TARGETS_PER_ROW, Batch, Denied, Snapshots, WholeRows
from skautoseqrec._training.objectives import MultinomialObjective
from skautoseqrec._training.sampled_steps import RowSteps, RowWeights, draw_targets, sample
from skautoseqrec._training.steps import TrainingSettings, WholeSteps

N_ITEMS = 6
OBJECTIVE = MultinomialObjective()
TIMES = SequenceSettings(2, 0.5, 0.9, 1, 1.0, ())
SETTINGS = TrainingSettings(
    dict.fromkeys(("encoder", *DECODERS), 0.01), dict.fromkeys(("encoder", *DECODERS), 0.0), 0.5, 0.9, 1000
)


def new_module():
    torch.manual_seed(0)
    module = AutoSeqRecModule(N_ITEMS, 5, "relu")
    OBJECTIVE.initialise(module)
    return module


def batch_for_every_item(seed):
    """Return a batch that shows every item, and asks for one item a row."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.arange(N_ITEMS)
    inputs = SparseRows(torch.randperm(N_ITEMS, generator=generator), torch.rand(N_ITEMS, generator=generator), places)
    targets = SparseRows(
        torch.randint(N_ITEMS, (N_ITEMS,), generator=generator), torch.ones(N_ITEMS), torch.arange(N_ITEMS)
    )
    others = [(row, item) for row in range(N_ITEMS) for item in range(N_ITEMS) if item != targets.items[row]]
    denied = Denied(*torch.tensor(others[seed::4]).T.contiguous()) if seed % 2 else None
    return Batch(DECODERS[seed % 3], inputs, targets, torch.zeros(N_ITEMS), denied)


@pytest.mark.parametrize("weights_at_a_time", [1, 10, 2**17])
def test_with_all_items_among_the_candidates_training_is_that_on_all_items(monkeypatch, weights_at_a_time):
    monkeypatch.setattr(sampled_steps, "WEIGHTS_AT_A_TIME", weights_at_a_time)
    whole = WholeSteps(new_module(), OBJECTIVE, replace(SETTINGS, n_negatives=None))
    of_rows = RowSteps(new_module(), OBJECTIVE, SETTINGS)
    for seed in range(12):
        batch = batch_for_every_item(seed)
        torch.testing.assert_close(of_rows.take(batch), whole.take(batch))
    expected = whole.averaged().state_dict()
    torch.testing.assert_close(dict(of_rows.averaged().state_dict()), dict(expected), rtol=1e-4, atol=1e-5)
    assert not torch.equal(expected["encoder_weight"], new_module().encoder_weight)


def test_rows_that_are_not_touched_rest_while_their_average_follows():
    settings = replace(SETTINGS, weight_averaging=0.5)
    start = torch.randn(3, 2)
    weights, moved = RowWeights(start, 0.01, settings), start.clone()
    average = start.clone()
    for step, touched in enumerate([[0], [0, 2], [2], [0], [2]], start=1):
        before = weights.gather(torch.tensor(touched))
        before.weight.grad = torch.full_like(before.weight, 0.1)
        weights.step(before)
        moved[touched] = moved[touched] * (1 - 0.01 * 0.5) - 0.01
        decay = min(0.5, (1 + step) / (5 + step))
        average = decay * average + (1 - decay) * moved
    torch.testing.assert_close(weights.gather(torch.arange(3)).weight.detach(), moved)
    torch.testing.assert_close(weights.average(), average)
    torch.testing.assert_close(weights.average(), average)
    assert torch.equal(weights.average()[1], start[1])


def test_without_averaging_the_newest_weights_are_kept():
    steps = RowSteps(new_module(), OBJECTIVE, replace(SETTINGS, weight_averaging=0.0))
    steps.take(batch_for_every_item(0))
    whole = WholeSteps(new_module(), OBJECTIVE, replace(SETTINGS, weight_averaging=0.0, n_negatives=None))
    whole.take(batch_for_every_item(0))
    for mine, theirs in zip(steps.averaged().parameters(), whole.averaged().parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


@given(st.integers(0, 1000), st.integers(1, 9))
def test_draws_stay_in_their_row_and_add_up_to_one(seed, n_draws):
    matrix = sparse.random(7, N_ITEMS, 0.4, random_state=seed, format="csr", dtype=np.float32)
    matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))]
    assume(matrix.shape[0] > 0)
    targets = WholeRows("source", matrix).batch(np.arange(matrix.shape[0])).targets
    drawn = draw_targets(targets, n_draws).to_dense(N_ITEMS)
    torch.testing.assert_close(drawn.sum(1), torch.ones(len(drawn)))
    assert not ((drawn > 0) & (targets.to_dense(N_ITEMS) == 0)).any()
    torch.testing.assert_close((drawn * n_draws).round(), drawn * n_draws)


def test_draws_are_the_shares_on_average():
    targets = shares(SparseRows(torch.tensor([0, 3, 5]), torch.tensor([1.0, 2.0, 5.0]), torch.tensor([0, 1])))
    torch.manual_seed(0)
    mean = torch.stack([draw_targets(targets, 4).to_dense(N_ITEMS) for _ in range(5000)]).mean(0)
    torch.testing.assert_close(mean, targets.to_dense(N_ITEMS), atol=0.01, rtol=0)


class Normalizers(MultinomialObjective):
    """The default objective, remembering what the exponentials of each batch's first row add up to."""

    def __init__(self):
        self.seen = []

    def loss(self, logits, batch):
        self.seen.append(logits[0].exp().sum().item())
        return super().loss(logits, batch)


@pytest.fixture(scope="module")
def rows_of_a_matrix():
    rows = WholeRows("source", sparse.random(200, N_ITEMS, 0.3, random_state=0, format="csr", dtype=np.float32))
    return rows.rows, rows.batch


@pytest.fixture(scope="module")
def rows_of_events():
    items = np.random.default_rng(0).zipf(1.6, size=200) % N_ITEMS
    log = count_log(read_columns([(user % 20, int(item)) for user, item in enumerate(items)]), None, TIMES, 0)
    snapshots = Snapshots(log.counts, TIMES, None)
    return snapshots.events, lambda events: snapshots.batch(events, snapshots.target_rates(snapshots.events))


@pytest.mark.parametrize("n_negatives", [1, 4])
@pytest.mark.parametrize("n_rows", [1, 2, 16])
@pytest.mark.parametrize("kind", ["rows_of_a_matrix", "rows_of_events"])
def test_the_sum_over_candidates_is_that_over_all_items_on_average(kind, n_rows, n_negatives, request):
    rows, batch_of = request.getfixturevalue(kind)
    torch.manual_seed(0)
    settings = replace(SETTINGS, learning_rate=dict.fromkeys(SETTINGS.learning_rate, 0.0), weight_averaging=0.0)
    sampled, whole = Normalizers(), Normalizers()
    module = new_module()
    with torch.no_grad():
        for decoder in module.decoders.values():
            decoder.bias += torch.linspace(-1, 1, N_ITEMS)
    steps = RowSteps(module, sampled, replace(settings, n_negatives=n_negatives, weight_decay=0.0))
    for _ in range(1500):
        chosen = rows[torch.randint(len(rows), (n_rows,)).numpy()]
        chosen[0] = rows[3]
        steps.take(batch_of(chosen))
    WholeSteps(module, whole, replace(settings, n_negatives=None, weight_decay=0.0)).take(batch_of(rows[3:4]))
    assert np.mean(sampled.seen) == pytest.approx(whole.seen[0], rel=0.05)
    assert np.std(sampled.seen) > 0.01 * whole.seen[0]


@given(st.integers(0, 1000), st.lists(st.integers(0, 6), min_size=1))
def test_rows_of_a_matrix_are_shown_with_unit_norms_and_asked_for_as_shares(seed, rows):
    matrix = sparse.random(7, N_ITEMS, 0.4, random_state=seed, format="csr", dtype=np.float64)
    batch, dense = WholeRows("source", matrix).batch(np.array(rows)), torch.from_numpy(matrix.toarray()[rows])
    for sparse_rows, norms in ((batch.inputs, dense.norm(dim=1)), (batch.targets, dense.sum(1))):
        expected = dense / norms.clamp_min(1e-300)[:, None]
        torch.testing.assert_close(sparse_rows.to_dense(N_ITEMS), expected.float())


@pytest.mark.parametrize("steps_of", [WholeSteps, RowSteps])
def test_a_step_trains_on_what_is_left_of_a_batch(steps_of):
    shown = []

    class Watched(MultinomialObjective):
        def logits(self, module, weights, batch, dropout):
            shown.append(batch.inputs.values)
            return super().logits(module, weights, batch, dropout)

    settings = replace(SETTINGS, dropout=dict.fromkeys(SETTINGS.dropout, 0.5))
    steps = steps_of(new_module(), Watched(), settings if steps_of is RowSteps else replace(settings, n_negatives=None))
    batch = batch_for_every_item(0)
    for _ in range(20):
        steps.take(batch)
    left = torch.cat(shown)
    left = (left[left != 0] / 2).tolist()
    assert set(left) <= set(batch.inputs.values.tolist())
    assert len(left) / (20 * N_ITEMS) == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("batch", [batch_for_every_item(0), "sequences"], ids=["rows", "sequences"])
def test_what_is_dropped_is_not_touched(batch):
    module = new_module()
    if batch == "sequences":
        items = ItemSequences(torch.tensor([[5, 1], [2, 0]]), torch.ones(2, 2))
        batch = Batch("source", items, SparseRows(torch.tensor([1, 2]), torch.ones(2), torch.arange(2)), torch.zeros(6))
        module.history = ResidualEncoder(5, 0.0)
    before = module.encoder_weight.detach().clone()
    steps = RowSteps(module, OBJECTIVE, replace(SETTINGS, dropout=dict.fromkeys(SETTINGS.dropout, 0.9999)))
    steps.take(batch)  # of which nothing is left
    assert torch.equal(steps.averaged().encoder_weight, before)


def test_places_without_an_item_touch_nothing():
    inputs = ItemSequences(torch.tensor([[5, 7], [6, 0]]), torch.tensor([[1.0, 1.0], [1.0, 0.0]]))
    targets = SparseRows(torch.tensor([1, 2]), torch.ones(2), torch.arange(2))
    sampled = sample(Batch("collaborative", inputs, targets, torch.full((9,), 0.1)), 9, 2)
    assert sampled.shown.tolist() == [5, 6, 7]
    assert sampled.batch.inputs.items.tolist() == [[0, 2], [1, 0]]


def test_a_batch_is_the_same_in_terms_of_the_items_it_meets():
    matrix = sparse.random(30, 50, 0.1, random_state=0, format="csr", dtype=np.float32)
    rows = WholeRows("target", matrix)
    batch = rows.batch(rows.rows[:5])
    sampled = sample(batch, 50, 7)
    back = SparseRows(sampled.shown[sampled.batch.inputs.items], batch.inputs.values, batch.inputs.offsets)
    torch.testing.assert_close(back.to_dense(50), batch.inputs.to_dense(50))
    asked = sampled.candidates[sampled.batch.targets.items]
    assert set(asked.tolist()) <= set(batch.targets.items.tolist())
    assert len(sampled.batch.targets.items) <= 5 * TARGETS_PER_ROW
    assert len(sampled.candidates) < 50


@pytest.mark.parametrize("part", ["collaborative", "one_hop"])
def test_the_next_item_of_a_cycle_is_learnt_from_a_sample(part):
    n_items = 30
    log = [(user, (user + step) % n_items) for step in range(12) for user in range(60)]
    recommender = AutoSeqRecRecommender(
        n_components=32, n_negatives=4, batch_size=16, learning_rate=1e-2, max_iter=30, transition_window=1,
        context_size=1, blend={part: 1}, early_stopping=False, random_state=0,
    ).fit(log)  # fmt: skip
    answers = recommender.predict_topk(list(range(60)), k=1)[:, 0]
    assert (answers == (np.arange(60) + 12) % n_items).mean() > 0.9
