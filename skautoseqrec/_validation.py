"""The newest part of a log, walked forward under weights trained on the part before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._base import Base
from ._blend import Choices
from ._counts import Counts, Events
from ._model import Model
from ._scoring import cold_parts, score_parts
from ._walk_forward import Ranking, WalkForward


@dataclass(frozen=True)
class Validation:
    """The newest events of a log and what was known before them.

    Parameters
    ----------
    head : Counts
        What the weights are trained on.
    head_items : ndarray
        Items of the head in order of arrival.
    middle : Events
        Events between the head and those that are judged; they are let in without being judged.
    judged : Events
        The newest events, in time order.
    exclude_seen : bool
        Whether items that the user has seen are left out.
    """

    head: Counts
    head_items: NDArray[np.int64]
    middle: Events
    judged: Events
    exclude_seen: bool

    def count_usable(self) -> int:
        """Return how many judged events are of a known item that their user has not seen, where that matters."""
        known = np.zeros(self.judged.n_items, dtype=bool)
        known[: self.middle.n_items or self.head.n_items] = True
        return int(known[self.judged.items].sum())

    def choices(self, model: Model, n_features: int, cold: bool = False) -> Choices:
        """Return the judged events whose true item was eligible as choices under a model's weights.

        Parameters
        ----------
        model : Model
            The weights.
        n_features : int
            How many numbers the features may hold; candidates are a uniform sample where all do not fit.
        cold : bool, default=False
            Whether to return the events of users without history, or those of all others.
        """
        base = Base.build(self.head, self.head_items, model)
        if len(self.middle.items):
            base = base.advance(self.middle, model)
        walk = WalkForward(model, base, self.judged, np.arange(len(self.judged.items)), self.exclude_seen)
        generator = torch.Generator().manual_seed(0)
        features, offsets = [torch.zeros(0, 1, 1)], [torch.zeros(0, 1)]
        for ranking in walk.blocks():
            rows = torch.from_numpy(ranking.cold == cold)
            rows &= ~ranking.ineligible[torch.arange(len(ranking.targets)), torch.from_numpy(ranking.targets)]
            if rows.any():
                parts = cold_parts(*ranking.inputs) if cold else score_parts(model, *ranking.inputs)
                stacked = torch.stack(list(parts.values()), 2)[rows]
                n_candidates = min(stacked.shape[1], n_features // (len(self.judged.items) * stacked.shape[2]))
                chosen, offset = self._choose(ranking, rows, n_candidates, generator)
                features.append(torch.gather(stacked, 1, chosen[:, :, None].expand(-1, -1, stacked.shape[2])))
                offsets.append(offset)
        if len(features) > 1:
            del features[0], offsets[0]
        return Choices(torch.cat(features), torch.cat(offsets))

    def _choose(
        self, ranking: Ranking, rows: Tensor, n_candidates: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return candidates of each row, the true item first, and their offsets."""
        targets = torch.from_numpy(ranking.targets)[rows][:, None]
        ineligible = ranking.ineligible[rows]
        n_items = ineligible.shape[1]
        columns = torch.randperm(n_items, generator=generator)[:n_candidates]
        others = columns.expand(len(targets), -1)
        denied = ineligible[:, columns] | (others == targets)
        n_eligible = (~ineligible).sum(1) - 1
        stands_for = torch.log(n_eligible / (~denied).sum(1).clamp_min(1))[:, None]
        offsets = torch.where(denied, -torch.inf, stands_for)
        return torch.cat([targets, others], 1), torch.cat([torch.zeros(len(targets), 1), offsets], 1)
