"""Steps that touch few rows of the weights: those of the items that a batch shows and of its candidates."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ._batches import Batch
from ._network.module import AutoSeqRecModule, Weights
from ._objective import Objective
from ._sampling import Sampled, sample
from ._settings import TrainingSettings
from ._steps import Steps, WeightAverage, adam_w, averaging_decay


class Gathered(NamedTuple):
    """Some rows of the weights with all that is kept of them, and a copy of the weights that gradients are taken of."""

    rows: Tensor
    kept: Tensor
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

    BETAS, EPSILON = (0.9, 0.999), 1e-8

    def __init__(self, weight: Tensor, learning_rate: float, settings: TrainingSettings) -> None:
        weight = weight.detach()
        # Side by side, so that one copy fetches a row and one puts it back: weight, average, and the means of gradients
        # and of their squares, which are kept corrected for their start.
        self._kept = torch.stack([weight, weight, torch.zeros_like(weight), torch.zeros_like(weight)], 1)
        self._learning_rate = learning_rate
        self._shrinkage = 1 - learning_rate * (settings.weight_decay if weight.ndim > 1 else 0.0)
        self._averaging = settings.weight_averaging
        per_row = (len(weight), *(1,) * (weight.ndim - 1))
        self._n_touched = torch.zeros(per_row, device=weight.device)
        #: What the average kept of itself, multiplied over all steps so far, as a log: now, and when a row caught up.
        self._log_retained = 0.0
        self._caught_up = torch.zeros(per_row, dtype=torch.float64, device=weight.device)
        self._n_steps = 0

    def gather(self, rows: Tensor) -> Gathered:
        """Return some rows, each once."""
        kept = self._kept.index_select(0, rows)
        return Gathered(rows, kept, kept[:, 0].contiguous().requires_grad_())

    @torch.no_grad()
    def step(self, gathered: Gathered) -> None:
        """Let some rows follow the gradient of what was gathered of them."""
        rows, gradient = gathered.rows, gathered.weight.grad
        assert gradient is not None
        self._catch_up(rows, gathered.kept)
        n_touched = self._n_touched.index_select(0, rows) + 1
        rates = [(1 - beta) / (1 - beta**n_touched) for beta in self.BETAS]
        weight, _, mean, square = gathered.kept.unbind(1)
        mean.lerp_(gradient, rates[0])
        square.lerp_(gradient.square_(), rates[1])
        width = torch.sqrt(square, out=gradient).add_(self.EPSILON)
        weight.mul_(self._shrinkage).addcdiv_(mean, width, value=-self._learning_rate)
        self._kept.index_copy_(0, rows, gathered.kept)
        self._n_touched.index_copy_(0, rows, n_touched)
        self._n_steps += 1
        if self._averaging:
            self._log_retained += math.log(averaging_decay(self._averaging, self._n_steps))

    @torch.no_grad()
    def average(self) -> Tensor:
        """Return the average of all rows as it is now; the weights themselves if nothing is averaged."""
        if not self._averaging:
            return self._kept[:, 0]
        self._catch_up(torch.arange(len(self._kept), device=self._kept.device), self._kept)
        return self._kept[:, 1]

    def _catch_up(self, rows: Tensor, kept: Tensor) -> None:
        """Bring the average of some rows up to now: since they last did, their weights have rested."""
        if self._averaging:
            missed = self._log_retained - self._caught_up.index_select(0, rows)
            kept[:, 1].lerp_(kept[:, 0], -torch.expm1(missed).float())
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
        self._optimizers = {name: adam_w(part, name, settings) for name, part in shared.items() if part}
        self._following = WeightAverage(shared, self.average.shared_parts(), settings.weight_averaging)

    def take(self, batch: Batch) -> Tensor:
        """Train on a batch and return its loss, a little below that over all items: the log of an estimated sum is."""
        n_negatives = self.settings.n_negatives
        assert n_negatives is not None
        sampled = sample(batch, self.module.n_items, n_negatives)
        rows = {"encoder": sampled.shown, batch.decoder: sampled.candidates}
        gathered = {name: [weights.gather(rows[name]) for weights in self._of_items[name]] for name in rows}
        loss = self._loss(sampled, Weights(*(leaf.weight for part in gathered.values() for leaf in part)))
        loss.backward()
        for name in rows:
            for weights, leaf in zip(self._of_items[name], gathered[name], strict=True):
                weights.step(leaf)
            if name in self._optimizers:
                self._optimizers[name].step()
                self._optimizers[name].zero_grad()
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
        logits.index_put_(
            (targets.row_of_entry(), targets.items), sampled.log_inclusion[targets.items], accumulate=True
        )
        return self.objective.loss(logits, sampled.batch)
