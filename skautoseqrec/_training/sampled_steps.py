"""A softmax over few of many items: which ones, and what each stands for.

A batch sums its softmax over the items that its rows ask for and a uniform sample of all items, the same for every row.
Each candidate's exponential is divided by the probability that chance makes it a candidate, but for the row's own
targets, which are always there. So the sum is an unbiased estimate of that over all items (Horvitz and Thompson, 1952;
for the softmax: Bengio and Senecal, "Adaptive importance sampling to accelerate training of a neural probabilistic
language model", 2008; items of the batch as negatives: Yi et al., "Sampling-bias-corrected neural modeling for large
corpus item recommendations", RecSys 2019). Rows that ask for many items at once, as transitions and whole histories
do, ask for a few draws from their shares instead: the expected loss is the same.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .._network.inputs import SparseRows
from .._network.module import AutoSeqRecModule, Weights
from .._utils.devices import CPU
from .batches import TARGETS_PER_ROW, Batch
from .objectives import Objective
from .steps import BETAS, EPSILON, AdamW, Steps, TrainingSettings, WeightAverage, averaging_decay

#: Weights that a step moves at a time on the CPU, as whole rows: with their moments they stay in the cache.
WEIGHTS_AT_A_TIME = 2**17


class Sampled(NamedTuple):
    """A batch in terms of the few items that it meets.

    Parameters
    ----------
    shown : Tensor of shape (n_shown,), int64
        Items that its inputs hold with a value other than 0.
    candidates : Tensor of shape (n_candidates,), int64
        Items that its softmax is summed over.
    log_inclusion : Tensor of shape (n_candidates,)
        Log of the probability that chance makes the item a candidate for a row that does not ask for it.
    batch : Batch
        The batch, its inputs counting in places of ``shown`` and its targets in places of ``candidates``.
    """

    shown: Tensor
    candidates: Tensor
    log_inclusion: Tensor
    batch: Batch


def sample(batch: Batch, n_items: int, n_negatives: int) -> Sampled:
    """Choose the candidates of a batch (torch's random state).

    Parameters
    ----------
    batch : Batch
        Rows drawn from a set of which ``batch.target_rates`` is known.
    n_items : int
        Number of items.
    n_negatives : int
        How many items to draw uniformly, with replacement, beside those that the rows ask for.

    Returns
    -------
    sampled : Sampled
        The batch and its candidates.
    """
    assert batch.target_rates is not None
    targets = draw_targets(batch.targets, TARGETS_PER_ROW)
    negatives = torch.randint(n_items, (n_negatives,), device=targets.items.device)
    candidates, places = torch.unique(torch.cat([targets.items, negatives]), return_inverse=True)
    # What a row asks for itself is no chance: the others of its batch are one fewer than all.
    target_rates = batch.target_rates[candidates.cpu()].clamp_max(1 - 1e-9)
    undrawn = torch.log1p(torch.tensor(-1 / n_items, dtype=torch.float64))  # minus infinity for a single item
    log_absence = (len(batch.targets) - 1) * torch.log1p(-target_rates) + n_negatives * undrawn
    log_inclusion = torch.log(-torch.expm1(log_absence)).float().to(candidates.device)
    shown, inputs = batch.inputs.narrowed()
    asked = SparseRows(places[: len(targets.items)], targets.values, targets.offsets)
    denied = None if batch.denied is None else batch.denied.narrowed(candidates)
    narrowed = Batch(batch.decoder, inputs, asked, denied=denied, shares=batch.shares)
    return Sampled(shown, candidates, log_inclusion, narrowed)


def draw_targets(targets: SparseRows, n_draws: int) -> SparseRows:
    """Return some draws from the shares of each row in place of them, equal draws added up.

    Parameters
    ----------
    targets : SparseRows
        Rows of at least one entry each, whose values sum to 1.
    n_draws : int
        How many, with replacement.

    Returns
    -------
    drawn : SparseRows
        Rows of ``n_draws`` entries at most, whose values sum to 1.
    """
    n_rows = len(targets)
    ends = torch.cat([targets.offsets[1:], targets.offsets.new_tensor([len(targets.items)])])
    if len(targets.items) == n_rows:
        return targets
    rows = torch.arange(n_rows, device=ends.device)[:, None]
    points = rows + torch.rand(n_rows, n_draws, dtype=torch.float64, device=ends.device)
    entries = torch.searchsorted(targets.values.double().cumsum(0), points)
    # Sums of rounded shares are not quite whole numbers: a row's draws stay in it.
    entries = torch.maximum(torch.minimum(entries, ends[:, None] - 1), targets.offsets[:, None])
    drawn, n_equal = torch.unique(entries, return_counts=True)
    return SparseRows(targets.items[drawn], n_equal.float() / n_draws, torch.searchsorted(drawn, targets.offsets))


class Gathered(NamedTuple):
    """Some rows of the weights, and a copy of them that gradients are taken of."""

    rows: Tensor
    weight: Tensor


class RowWeights:
    """Weights of which a step touches some rows: lazy AdamW, and a moving average that catches up when it must.

    A row's moments and its weight decay count the steps that touched the row, and no others.

    Parameters
    ----------
    weight : Tensor of shape (n_rows, ...)
        Where training starts.
    learning_rate : float
        Of AdamW.
    settings : TrainingSettings
        The other rates; weight decay is for matrices only.
    """

    def __init__(self, weight: Tensor, learning_rate: float, settings: TrainingSettings) -> None:
        weight = weight.detach()
        self._weight = weight.clone()
        # Side by side, so that one copy fetches a row and one puts it back: the average, and the means of gradients and
        # of their squares, which are kept corrected for their start.
        self._kept = torch.stack([weight, torch.zeros_like(weight), torch.zeros_like(weight)], 1)
        self._learning_rate = learning_rate
        self._shrinkage = 1 - learning_rate * (settings.weight_decay if weight.ndim > 1 else 0.0)
        self._averaging = settings.weight_averaging
        per_row = (len(weight), *(1,) * (weight.ndim - 1))
        self._n_touched = torch.zeros(per_row, device=weight.device, dtype=torch.float32)
        #: What the average kept of itself, multiplied over all steps so far, as a log: now, and when a row caught up.
        self._log_retained = 0.0
        self._caught_up = torch.zeros(per_row, dtype=torch.float64, device=weight.device)
        self._n_steps = 0

    def gather(self, rows: Tensor) -> Gathered:
        """Return some rows, each once."""
        return Gathered(rows, self._weight.index_select(0, rows).requires_grad_())

    @torch.no_grad()
    def step(self, gathered: Gathered) -> None:
        """Let some rows follow their gradient; what was gathered, and the gradient, are overwritten."""
        assert gathered.weight.grad is not None
        rows, weight = gathered.rows, gathered.weight.detach()
        n_weights = WEIGHTS_AT_A_TIME if weight.device == CPU else weight.numel()
        size = max(1, n_weights // math.prod(weight.shape[1:]))
        for chunk in zip(rows.split(size), weight.split(size), gathered.weight.grad.split(size), strict=True):
            self._follow(*chunk)
        self._n_steps += 1
        if self._averaging:
            self._log_retained += math.log(averaging_decay(self._averaging, self._n_steps))

    def _follow(self, rows: Tensor, weight: Tensor, gradient: Tensor) -> None:
        """Let a few rows follow their gradient."""
        kept = self._kept.index_select(0, rows)
        average, mean, square = kept.unbind(1)
        self._catch_up(rows, average, weight)
        n_touched = self._n_touched.index_select(0, rows) + 1
        rates = [(1 - beta) / (1 - beta**n_touched) for beta in BETAS]
        mean.lerp_(gradient, rates[0])
        square.lerp_(gradient.square_(), rates[1])
        width = torch.sqrt(square, out=gradient).add_(EPSILON)
        weight.mul_(self._shrinkage).addcdiv_(mean, width, value=-self._learning_rate)
        self._weight.index_copy_(0, rows, weight)
        self._kept.index_copy_(0, rows, kept)
        self._n_touched.index_copy_(0, rows, n_touched)

    @torch.no_grad()
    def average(self) -> Tensor:
        """Return the average of all rows as it is now; the weights themselves if nothing is averaged."""
        if not self._averaging:
            return self._weight
        average = self._kept[:, 0]
        self._catch_up(torch.arange(len(average), device=average.device), average, self._weight)
        return average

    def _catch_up(self, rows: Tensor, average: Tensor, weight: Tensor) -> None:
        """Bring the average of some rows up to now: since they last did, their weights have rested."""
        if self._averaging:
            missed = self._log_retained - self._caught_up.index_select(0, rows)
            average.lerp_(weight, -torch.expm1(missed).float())
            self._caught_up.index_fill_(0, rows, self._log_retained)


class RowSteps(Steps):
    """Steps whose softmax is summed over candidates: they cost the same however many items there are."""

    def __init__(self, module: AutoSeqRecModule, objective: Objective, settings: TrainingSettings) -> None:
        super().__init__(module, objective, settings)
        self._of_items = {
            name: [RowWeights(weight, settings.learning_rate[name], settings) for weight in weights]
            for name, weights in module.item_parts().items()
        }
        shared = module.shared_parts()
        self._optimizers = {name: AdamW(part, name, settings) for name, part in shared.items() if part}
        self._following = WeightAverage(shared, self.average.shared_parts(), settings.weight_averaging)

    def _take(self, batch: Batch) -> Tensor:
        """Train on a batch and return its loss, a little below that over all items: the log of an estimated sum is."""
        n_negatives = self.settings.n_negatives
        assert n_negatives is not None
        sampled = sample(batch, self.module.n_items, n_negatives)
        rows = {"encoder": sampled.shown, batch.decoder: sampled.candidates}
        gathered = {name: [weights.gather(rows[name]) for weights in self._of_items[name]] for name in rows}
        (encoder,), (decoder, bias) = gathered["encoder"], gathered[batch.decoder]
        loss = self._loss(sampled, Weights(encoder=encoder.weight, decoder=decoder.weight, bias=bias.weight))
        loss.backward()
        for name in rows:
            for weights, leaf in zip(self._of_items[name], gathered[name], strict=True):
                weights.step(leaf)
            if name in self._optimizers:
                self._optimizers[name].step()
                self._following.follow(name)
        return loss.detach()

    def averaged(self) -> AutoSeqRecModule:
        """Return the average of the weights as it is now; the next step changes it."""
        with torch.no_grad():
            for name, part in self.average.item_parts().items():
                for averaged, weights in zip(part, self._of_items[name], strict=True):
                    averaged.copy_(weights.average())
        return self.average

    def _loss(self, sampled: Sampled, weights: Weights) -> Tensor:
        corrected = weights._replace(bias=weights.bias - sampled.log_inclusion)
        logits = self.objective.logits(self.module, corrected, sampled.batch, self.settings.dropout)
        # A row's own targets are not there by chance.
        targets = sampled.batch.targets
        logits.index_put_((targets.row_of_entry, targets.items), sampled.log_inclusion[targets.items], accumulate=True)
        return self.objective.loss(logits, sampled.batch)
