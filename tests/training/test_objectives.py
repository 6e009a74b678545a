"""What each objective makes of the network, and what an epoch of it is drawn from."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from networks import (
    CPU,
    NO_RATES,
    NOTHING,
    SETTINGS,
    batch_of,
    counted,
    logits_of,
    module_of,
    random_matrix,
    shares,
)
from scipy import sparse
from strategies import logs

from skautoseqrec._counts.transitions import TRANSITION_UNIT
from skautoseqrec._network.inputs import sparse_rows
from skautoseqrec._network.module import DECODERS
from skautoseqrec._training.batches import Batch, Denied, Snapshots
from skautoseqrec._training.loop import train
from skautoseqrec._training.objectives import MultinomialObjective, PaperObjective


def without_repeats(log):
    """Return the last event of each user with each item."""
    return list({event[:2]: event for event in log}.values())


class TestPaperObjective:
    objective = PaperObjective()

    def test_the_entries_of_the_input_stay(self):
        batch = batch_of(random_matrix())
        assert self.objective.drop(batch, {"encoder": 0.5, "source": 0.5}) is batch

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
        batch = batch_of(sparse.random(100, 50, 0.5, random_state=0, format="csr", dtype=np.float32))
        dropped = self.objective.drop(batch, {"encoder": 0.25, "source": 0.0})
        ratio = dropped.inputs.values / batch.inputs.values
        torch.testing.assert_close(ratio[ratio != 0], torch.full((int((ratio != 0).sum()),), 1 / 0.75))
        assert (ratio == 0).double().mean() == pytest.approx(0.25, abs=0.03)
        assert dropped.targets is batch.targets

    def test_nothing_is_dropped_inside_the_network(self):
        module, batch = module_of(self.objective).train(), batch_of(random_matrix())
        whole, dropping = (logits_of(self.objective, module, batch, dict.fromkeys(NOTHING, p)) for p in (0.0, 0.9))
        assert torch.equal(whole, dropping)

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

    @pytest.mark.parametrize("comes_back", [True, False])
    @given(logs(min_size=2))
    def test_snapshots_show_what_came_strictly_before(self, comes_back, log):
        counts = counted(log if comes_back else without_repeats(log))
        settings = replace(SETTINGS, history_decay=0.5)
        snapshots = Snapshots(counts, settings, None)
        batch = snapshots.batch(snapshots.events, snapshots.target_rates(snapshots.events))
        shown = batch.inputs.to_dense(counts.n_items).numpy()
        users = np.repeat(np.arange(counts.n_users), np.diff(counts.indptr))
        for row, place in enumerate(snapshots.events.tolist()):
            before = counts.history[counts.indptr[users[place]] : place][-settings.history_length :]
            expected = np.zeros(counts.n_items)
            np.add.at(expected, before, 0.5 ** np.arange(len(before))[::-1])
            np.testing.assert_allclose(shown[row], expected / np.linalg.norm(expected), rtol=1e-5)
        assert batch.targets.items.tolist() == counts.history[snapshots.events].tolist()

    @pytest.mark.parametrize("comes_back", [True, False])
    @given(logs(min_size=2))
    def test_snapshots_deny_what_was_seen_but_for_what_comes(self, comes_back, log):
        counts = counted(log if comes_back else without_repeats(log))
        snapshots = Snapshots(counts, SETTINGS, None, denies_seen=True)
        batch = snapshots.batch(snapshots.events, snapshots.target_rates(snapshots.events))
        found = set(zip(batch.denied.rows.tolist(), batch.denied.items.tolist(), strict=True))
        users, expected = np.repeat(np.arange(counts.n_users), np.diff(counts.indptr)), set()
        for row, place in enumerate(snapshots.events.tolist()):
            seen = set(counts.history[counts.indptr[users[place]] : place].tolist())
            expected |= {(row, item) for item in seen - {counts.history[place]}}
        assert found == expected

    def test_what_is_denied_has_no_share_of_the_loss_and_no_gradient(self):
        logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
        targets, denied = torch.tensor([0, 2, 4]), Denied(torch.tensor([0, 0, 2, 2]), torch.tensor([1, 3, 0, 0]))
        masked = logits.clone()
        masked[denied.rows, denied.items] = -torch.inf
        rows = sparse_rows(targets.numpy(), np.ones(3), np.ones(3, dtype=np.int64))
        leaf = logits.clone().requires_grad_()
        loss = self.objective.loss(leaf * 1.0, Batch("collaborative", rows, rows, denied=denied))
        torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(masked, targets))
        loss.backward()
        assert (leaf.grad[denied.rows, denied.items] == 0).all()
        assert (leaf.grad[1] != 0).all()

    def test_what_is_denied_is_found_again_among_candidates(self):
        denied = Denied(torch.tensor([0, 1, 1, 2]), torch.tensor([3, 9, 4, 1])).narrowed(torch.tensor([1, 3, 4, 7]))
        assert (denied.rows.tolist(), denied.items.tolist()) == ([0, 1, 2], [1, 2, 0])

    @pytest.mark.parametrize("exclude_seen", [True, False])
    @given(logs(min_size=2))
    def test_only_snapshots_deny_and_only_where_seen_items_are_left_out(self, exclude_seen, log):
        counts, n_denying = counted(log), 0
        for batch in next(self.objective.draw_epochs(counts, SETTINGS, 2, None, exclude_seen)):
            is_snapshot = batch.decoder == "collaborative" and len(batch.targets.items) == len(batch.inputs)
            assert batch.denied is None or is_snapshot
            n_denying += batch.denied is not None
        assert (n_denying > 0) == (exclude_seen and len(log) > counts.n_users)

    @given(logs(min_size=2))
    def test_snapshots_in_sequence_show_the_same_items_newest_first(self, log):
        counts = counted(log)
        snapshots = Snapshots(counts, SETTINGS, 60)
        batch = snapshots.batch(snapshots.events, snapshots.target_rates(snapshots.events))
        users = np.repeat(np.arange(counts.n_users), np.diff(counts.indptr))
        for row, place in enumerate(snapshots.events.tolist()):
            before = counts.history[counts.indptr[users[place]] : place]
            is_item = batch.inputs.values[row].bool()
            assert batch.inputs.items[row][is_item].tolist() == before[::-1].tolist()


class TestDraws:
    log = [(user, "tea") for _ in range(500) for user in ("ann", "bob")]

    def test_newer_events_are_drawn_more_often(self):
        counts = counted(self.log)
        arrivals = counts.arrivals[Snapshots(counts, SETTINGS, None).draw(100)]
        assert len(set(arrivals.tolist())) == 100
        # With a half-life of a quarter of the log, of 15 first draws the newest half has 12.
        many = np.concatenate([Snapshots(counts, SETTINGS, None).draw(1) for _ in range(300)])
        assert (counts.arrivals[many] >= 500).mean() == pytest.approx(12 / 15, abs=0.1)

    def test_all_are_drawn_where_there_are_not_more(self):
        snapshots = Snapshots(counted(self.log), SETTINGS, False)
        assert sorted(snapshots.draw(10**6)) == snapshots.events.tolist()
