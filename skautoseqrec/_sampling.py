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

from typing import NamedTuple

import torch
from torch import Tensor

from ._batches import TARGETS_PER_ROW, Batch
from ._network.inputs import ItemSequences, SparseRows


class Sampled(NamedTuple):
    """A batch in terms of the few items that it meets.

    Parameters
    ----------
    shown : Tensor of shape (n_shown,), int64
        Items that its inputs hold.
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
        Rows drawn from a set of which ``batch.hits`` is known.
    n_items : int
        Number of items.
    n_negatives : int
        How many items to draw uniformly, with replacement, beside those that the rows ask for.

    Returns
    -------
    sampled : Sampled
        The batch and its candidates.
    """
    assert batch.hits is not None
    targets = draw_targets(batch.targets, TARGETS_PER_ROW)
    negatives = torch.randint(n_items, (n_negatives,), device=targets.items.device)
    candidates, places = torch.unique(torch.cat([targets.items, negatives]), return_inverse=True)
    # What a row asks for itself is no chance: the others of its batch are one fewer than all.
    hits = batch.hits[candidates.cpu()].clamp_max(1 - 1e-9)
    undrawn = torch.log1p(torch.tensor(-1 / n_items, dtype=torch.float64))  # minus infinity for a single item
    log_absence = (len(batch.targets) - 1) * torch.log1p(-hits) + n_negatives * undrawn
    log_inclusion = torch.log(-torch.expm1(log_absence)).float().to(candidates.device)
    shown, inputs = _narrowed(batch.inputs)
    asked = SparseRows(places[: len(targets.items)], targets.values, targets.offsets)
    return Sampled(shown, candidates, log_inclusion, Batch(batch.decoder, inputs, asked))


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
    return SparseRows(targets.items[drawn], n_equal / n_draws, torch.searchsorted(drawn, targets.offsets))


def _narrowed(inputs: SparseRows | ItemSequences) -> tuple[Tensor, SparseRows | ItemSequences]:
    """Return the items of some inputs, and the inputs in places of them."""
    if isinstance(inputs, SparseRows):
        shown, places = torch.unique(inputs.items, return_inverse=True)
        return shown, SparseRows(places, inputs.values, inputs.offsets)
    is_item = inputs.values > 0
    places = torch.zeros_like(inputs.items)
    shown, places[is_item] = torch.unique(inputs.items[is_item], return_inverse=True)
    return shown, ItemSequences(places, inputs.values)
