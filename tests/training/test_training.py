"""The network, what each objective does with it, and the loop, against dense algebra."""

import copy
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from strategies import logs

from skautoseqrec import PAPER_PARAMS
from skautoseqrec._counts.counted_log import count_log
from skautoseqrec._counts.counts import TRANSITION_UNIT
from skautoseqrec._counts.histories import Histories
from skautoseqrec._counts.settings import SequenceSettings
from skautoseqrec._data.reading import read_columns
from skautoseqrec._network.functions import DecayedSum, SoftmaxCrossEntropy
from skautoseqrec._network.inputs import gather_rows, shares, unit_rows
from skautoseqrec._network.module import ACTIVATIONS, DECODERS, AutoSeqRecModule, HistoryEncoder
from skautoseqrec._parameters import resolve_history_encoder
from skautoseqrec._training.batches import Batch, Snapshots
from skautoseqrec._training.loop import train
from skautoseqrec._training.objectives import MultinomialObjective, PaperObjective
from skautoseqrec._training.steps import TrainingSettings, WeightAverage

NOTHING = dict.fromkeys(("encoder", *DECODERS), 0.0)
RATES = TrainingSettings(dict.fromkeys(NOTHING, 0.01), PAPER_PARAMS["dropout"], 0.0, 0.0, None)
NO_RATES = replace(RATES, learning_rate=NOTHING, dropout=NOTHING)
CPU = torch.device("cpu")
SETTINGS = SequenceSettings(2, 0.5, 0.9, 1, 1.0, ())
OBJECTIVES = [PaperObjective(), MultinomialObjective()]


def random_matrix(n_rows=9, n_items=6, seed=0):
    return sparse.random(n_rows, n_items, 0.4, random_state=seed, format="csr", dtype=np.float32)


def module_of(objective=OBJECTIVES[0], activation="relu"):
    torch.manual_seed(0)
    module = AutoSeqRecModule(6, 5, activation)
    objective.initialise(module)
    return module


def batch_of(matrix, decoder="source", rows=None):
    gathered = gather_rows(matrix, np.arange(matrix.shape[0]) if rows is None else rows)
    return Batch(decoder, gathered, gathered)


def logits_of(objective, module, batch, dropout):
    return objective.logits(module, module.weights(batch.decoder), batch, dropout)


def counted(log):
    return count_log(read_columns(log), None, SETTINGS, 0).counts


@given(st.integers(0, 100), st.lists(st.integers(0, 8), min_size=1))
def test_batches_of_sparse_rows_are_the_dense_rows(seed, chosen):
    matrix = random_matrix(seed=seed)
    rows = gather_rows(matrix, np.array(chosen))
    expected = torch.from_numpy(matrix.toarray()[chosen])
    torch.testing.assert_close(rows.to_dense(6), expected)
    weight = torch.randn(6, 5)
    torch.testing.assert_close(rows.project(weight), expected @ weight)
    sums, norms = expected.sum(1, keepdim=True), expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(shares(rows).to_dense(6), torch.where(sums > 0, expected / sums, 0.0))
    torch.testing.assert_close(unit_rows(rows).to_dense(6), torch.where(norms > 0, expected / norms, 0.0))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_the_network_is_its_formula(activation, decoder, objective):
    module, matrix = module_of(objective, activation).eval(), random_matrix()
    hidden = ACTIVATIONS[activation](torch.from_numpy(matrix.toarray()) @ module.encoder_weight + module.encoder_bias)
    expected = hidden @ module.decoder(decoder).weight.T + module.decoder(decoder).bias
    torch.testing.assert_close(logits_of(objective, module, batch_of(matrix, decoder), RATES.dropout), expected)


class TestPaperObjective:
    objective = PaperObjective()

    def test_dropout_comes_after_the_linear_maps(self):
        module, batch = module_of().train(), batch_of(random_matrix())
        with torch.random.fork_rng(devices=[]):
            hidden_dropped = logits_of(self.objective, module, batch, {"encoder": 0.99, "source": 0.0})
            output_dropped = logits_of(self.objective, module, batch, {"encoder": 0.0, "source": 0.5})
        # What is left of a hidden row that was dropped whole is the decoder's bias.
        assert (hidden_dropped == module.decoder("source").bias).all(1).any()
        kept = output_dropped != 0
        assert not kept.all()
        whole = logits_of(self.objective, module, batch, {"encoder": 0.0, "source": 0.0})
        torch.testing.assert_close(output_dropped[kept], 2 * whole[kept])

    def test_the_loss_is_the_mean_squared_error(self):
        module, matrix = module_of(), random_matrix()
        batch = batch_of(matrix, "collaborative")
        output = torch.sigmoid(logits_of(self.objective, module, batch, NOTHING))
        expected = ((output - torch.from_numpy(matrix.toarray())) ** 2).mean()
        losses = next(train(module, self.objective, iter([[batch]]), NO_RATES, CPU)).losses
        assert losses == {"collaborative": pytest.approx(expected.item(), rel=1e-5)}

    @given(logs(min_size=2))
    def test_an_epoch_is_every_row_of_the_three_matrices(self, log):
        counts = counted(log)
        first, second = islice(self.objective.draw_epochs(counts, SETTINGS, 2), 2)
        assert all(mine is theirs for mine, theirs in zip(first, second, strict=True))
        transitions = (counts.transitions / TRANSITION_UNIT).toarray()
        expected = {"collaborative": counts.user_item().toarray(), "source": transitions, "target": transitions.T}
        for decoder, matrix in expected.items():
            rows = torch.cat([batch.inputs.to_dense(counts.n_items) for batch in first if batch.decoder == decoder])
            assert sorted(rows.tolist()) == sorted(torch.tensor(matrix, dtype=torch.float32).tolist())


class TestMultinomialObjective:
    objective = MultinomialObjective()

    def test_dropout_comes_on_the_entries_of_the_input(self):
        module, batch = module_of(self.objective).train(), batch_of(random_matrix())
        dropped = logits_of(self.objective, module, batch, {"encoder": 0.999, "source": 0.999})
        # What is left of a row that was dropped whole is what the encoder's bias decodes to.
        empty = module.decoder("source")(module.activate(torch.zeros(5)))
        assert torch.isclose(dropped, empty).all(1).any()

    def test_the_loss_is_the_cross_entropy_of_shares(self):
        module, matrix = module_of(self.objective), random_matrix(seed=1)
        matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))]
        batch = batch_of(matrix)
        batch = batch._replace(targets=shares(batch.targets))
        logits = logits_of(self.objective, module, batch, NOTHING)
        target = torch.from_numpy(matrix.toarray() / matrix.toarray().sum(1, keepdims=True))
        expected = torch.nn.functional.cross_entropy(logits, target)
        torch.testing.assert_close(self.objective.loss(logits, batch), expected)

    @given(logs(min_size=2))
    def test_an_epoch_is_transition_rows_whole_histories_and_events_with_predecessors(self, log):
        counts = counted(log)
        epoch = list(next(self.objective.draw_epochs(counts, SETTINGS, 2)))
        for decoder, matrix in (("source", counts.transitions), ("target", counts.transitions.T.tocsr())):
            n_rows = sum(len(batch.inputs) for batch in epoch if batch.decoder == decoder)
            assert n_rows == 4 * (np.diff(matrix.indptr) > 0).sum()
        n_first = counts.n_users
        n_histories = sum(len(batch.inputs) for batch in epoch if batch.decoder == "collaborative")
        assert n_histories == min(len(log) - n_first, 16 * counts.n_items) + 4 * counts.n_items

    @pytest.mark.parametrize("batch_size", [1, 16, 10**6])
    def test_an_epoch_of_a_large_log_is_a_sample_that_prefers_new_events(self, batch_size, monkeypatch):
        counts = counted([(user, item) for item in range(40) for user in range(30)])
        monkeypatch.setattr(MultinomialObjective, "ROWS_PER_EPOCH", 300)
        torch.manual_seed(0)
        batches = list(next(self.objective.draw_epochs(counts, SETTINGS, batch_size)))
        n_rows = dict.fromkeys(DECODERS, 0)
        for batch in batches:
            n_rows[batch.decoder] += len(batch.inputs)
        # 16 of each item's 30 events, 4 histories, and 4 times the rows of both matrices, one row short each.
        share = 300 / (640 + 160 + 2 * 4 * 39)
        expected = {"collaborative": share * (640 + 160), "source": share * 4 * 39, "target": share * 4 * 39}
        assert n_rows == {decoder: pytest.approx(number, abs=2) for decoder, number in expected.items()}
        # Items arrive in order, so a newer event has a larger item: uniform draws would have a mean of 20.
        items = torch.cat([batch.targets.items for batch in batches if len(batch.targets.items) == len(batch.inputs)])
        assert items.double().mean() > 22

    @given(logs(min_size=2))
    def test_snapshots_show_what_came_strictly_before(self, log):
        counts = counted(log)
        settings = replace(SETTINGS, history_decay=0.5)
        snapshots = Snapshots(counts, settings, False)
        batch = snapshots.batch(snapshots.events, snapshots.hits(snapshots.events))
        shown = batch.inputs.to_dense(counts.n_items).numpy()
        users = np.repeat(np.arange(counts.n_users), np.diff(counts.indptr))
        for row, place in enumerate(snapshots.events.tolist()):
            before = counts.history[counts.indptr[users[place]] : place][-settings.history_length :]
            expected = np.zeros(counts.n_items)
            np.add.at(expected, before, 0.5 ** np.arange(len(before))[::-1])
            np.testing.assert_allclose(shown[row], expected / np.linalg.norm(expected), rtol=1e-5)
        assert batch.targets.items.tolist() == counts.history[snapshots.events].tolist()

    @given(logs(min_size=2))
    def test_snapshots_in_sequence_show_the_same_items_newest_first(self, log):
        counts = counted(log)
        snapshots = Snapshots(counts, SETTINGS, True)
        batch = snapshots.batch(snapshots.events, snapshots.hits(snapshots.events))
        users = np.repeat(np.arange(counts.n_users), np.diff(counts.indptr))
        for row, place in enumerate(snapshots.events.tolist()):
            before = counts.history[counts.indptr[users[place]] : place]
            is_item = batch.inputs.values[row].bool()
            assert batch.inputs.items[row][is_item].tolist() == before[::-1].tolist()


class TestDraws:
    log = [(user, "tea") for _ in range(500) for user in ("ann", "bob")]

    def test_newer_events_are_drawn_more_often(self):
        counts = counted(self.log)
        arrivals = counts.arrivals[Snapshots(counts, SETTINGS, False).draw(100)]
        assert len(set(arrivals.tolist())) == 100
        # With a half-life of a quarter of the log, of 15 first draws the newest half has 12.
        many = np.concatenate([Snapshots(counts, SETTINGS, False).draw(1) for _ in range(300)])
        assert (counts.arrivals[many] >= 500).mean() == pytest.approx(12 / 15, abs=0.1)

    def test_all_are_drawn_where_there_are_not_more(self):
        snapshots = Snapshots(counted(self.log), SETTINGS, False)
        assert sorted(snapshots.draw(10**6)) == snapshots.events.tolist()


def test_sequences_are_projected_with_a_decay_per_dimension():
    weight, decays = torch.randn(6, 5), torch.rand(5)
    sequences = Histories.of_lengths(np.array([3, 1, 4, 5, 1]), np.array([2, 3, 0])).in_sequence()
    second = weight[1] + decays * weight[5] + decays**2 * weight[4]
    expected = torch.stack([weight[1] + decays * weight[3], second, torch.zeros(5)])
    torch.testing.assert_close(sequences.project(weight, decays), expected)


def test_the_cross_entropy_has_the_gradient_of_its_dense_formula():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 6, generator=generator).requires_grad_()
    rows, items, shares = (
        torch.tensor([0, 0, 1, 2, 3]),
        torch.tensor([5, 0, 2, 4, 4]),
        torch.tensor([0.3, 0.7, 1, 1, 1]),
    )
    dense = torch.zeros(4, 6).index_put((rows, items), shares)
    expected = 2 * torch.nn.functional.cross_entropy(logits, dense)
    (gradient,) = torch.autograd.grad(expected, logits)
    # A copy, for the gradient overwrites what it is of.
    actual = 2 * SoftmaxCrossEntropy.apply(logits + 0, rows, items, shares)
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(torch.autograd.grad(actual, logits)[0], gradient)


@pytest.mark.parametrize("chunk", [1, 40, 10**6])
@pytest.mark.parametrize("length", [0, 1, 4])
def test_the_gradient_of_decayed_sums_is_that_of_differences(monkeypatch, chunk, length):
    monkeypatch.setattr(DecayedSum, "CHUNK", chunk)
    generator = torch.Generator().manual_seed(0)
    weight, decays = (torch.rand(size, generator=generator).double().requires_grad_() for size in ((7, 5), (5,)))
    items = torch.randint(7, (6, length), generator=generator)
    values = torch.rand(6, length, generator=generator).double()
    assert torch.autograd.gradcheck(lambda *inputs: DecayedSum.apply(*inputs, items, values), (weight, decays))


def test_the_average_follows_the_steps_and_weighs_early_ones_less():
    module = module_of(MultinomialObjective())
    averaged = copy.deepcopy(module)
    following = WeightAverage(module.parts(), averaged.parts(), 0.5)
    expected = module.encoder_weight.detach().clone()
    for step, decay in enumerate((2 / 11, 3 / 12, 4 / 13, 5 / 14, 6 / 15, 7 / 16, 8 / 17, 9 / 18, 0.5, 0.5)):
        with torch.no_grad():
            module.encoder_weight += step
        following.follow("encoder")
        expected = decay * expected + (1 - decay) * module.encoder_weight
    torch.testing.assert_close(averaged.encoder_weight, expected)


def test_the_average_is_what_an_epoch_yields():
    module = module_of()
    rates = replace(RATES, weight_averaging=0.9)
    before = module.decoder("source").weight.detach().clone()
    epoch = next(train(module, OBJECTIVES[0], iter([[batch_of(random_matrix())]]), rates, CPU))
    trained, averaged = module.decoder("source").weight, epoch.module.decoder("source").weight
    torch.testing.assert_close(averaged, before * 2 / 11 + trained * 9 / 11)


def test_weight_decay_shrinks_matrices_without_gradient_and_no_biases():
    module = module_of()
    with torch.no_grad():
        module.encoder_bias += 1
    before, bias_before = module.encoder_weight.detach().clone(), module.encoder_bias.detach().clone()
    rates = replace(RATES, weight_decay=50.0)
    rows = sparse.csr_matrix((1, 6), dtype=np.float32)
    next(train(module, OBJECTIVES[0], iter([[batch_of(rows)]]), rates, CPU))
    torch.testing.assert_close(module.encoder_weight.detach(), before * (1 - 0.01 * 50.0))
    # Adam's first step is the learning rate; the decay would have halved it.
    torch.testing.assert_close(module.encoder_bias.detach(), bias_before, atol=0.0101, rtol=0)


def test_a_batch_of_sequences_steps_the_history_encoder():
    torch.manual_seed(0)
    module = AutoSeqRecModule(6, 5, "relu", HistoryEncoder(5, 0.0))
    OBJECTIVES[1].initialise(module)
    snapshots = Snapshots(counted([("ann", item) for item in "abcdef"]), SETTINGS, True)
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    batch = snapshots.batch(snapshots.events, snapshots.hits(snapshots.events))
    next(train(module, OBJECTIVES[1], iter([[batch]]), RATES, CPU))
    kept = {name for name, weight in module.state_dict().items() if torch.equal(weight, before[name])}
    others = (f"decoders.{decoder}.{kind}" for decoder in ("source", "target") for kind in ("weight", "bias"))
    assert kept == {"encoder_bias", *others}


@pytest.mark.parametrize(
    ("encoder", "objective", "n_events", "resolved"),
    [
        ("auto", "multinomial", 100, "residual"),
        ("auto", "multinomial", 99, "shared"),
        ("auto", "paper", 500, "shared"),
        ("shared", "multinomial", 500, "shared"),
        ("residual", "multinomial", 1, "residual"),
    ],
)
def test_a_history_encoder_of_its_own_needs_a_dense_log(encoder, objective, n_events, resolved):
    counts = counted([(user, "tea") for user in range(n_events)])
    assert resolve_history_encoder(encoder, objective, counts) == resolved


def test_the_published_model_takes_no_history_encoder_of_its_own():
    with pytest.raises(ValueError, match="history_encoder must be 'shared'"):
        resolve_history_encoder("residual", "paper", counted([("ann", "tea")]))


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_a_batch_steps_the_encoder_and_its_own_decoder_only(objective):
    module = module_of(objective)
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    next(train(module, objective, iter([[batch_of(random_matrix())]]), RATES, CPU))
    changed = {name for name, weight in module.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed == {"encoder_weight", "encoder_bias", "decoders.source.weight", "decoders.source.bias"}


@settings(max_examples=10)
@given(st.integers(1, 20))
def test_losses_are_means_over_rows_whatever_the_batches(size):
    matrix = random_matrix()
    batches = [batch_of(matrix, rows=np.arange(start, min(start + size, 9))) for start in range(0, 9, size)]
    module = module_of()
    (losses,) = train(module, OBJECTIVES[0], iter([batches]), NO_RATES, CPU)
    (expected,) = train(module, OBJECTIVES[0], iter([[batch_of(matrix)]]), NO_RATES, CPU)
    assert losses.losses == {"source": pytest.approx(expected.losses["source"], rel=1e-5)}
