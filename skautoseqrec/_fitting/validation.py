"""The newest part of a log, walked forward under weights trained on the part before it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.counts import Counts
from .._counts.events import Events
from .._network.model import Model
from .._scoring.gate import FEATURES
from .._scoring.parts import PARTS
from .._scoring.view import View
from .._scoring.walk_forward import Ranking, WalkForward
from .._state.base import Base
from .._utils.devices import beside
from .._utils.keeping import FieldsOnly
from .blend_fit import Choices


@dataclass(frozen=True)
class Validation(FieldsOnly):
    """The newest events of a log and what was known before them.

    Parameters
    ----------
    head : Counts
        What the weights are trained on.
    known : Counts
        What is known before the first event that is judged: the head, and events that came without being judged.
    known_items : ndarray
        Items of those events in order of arrival.
    judged : Events
        The newest events, in time order.
    exclude_seen : bool
        Whether items that the user has seen are left out.
    visible : ndarray of shape (n_judged,)
        How many of the judged events each of them sees; not decreasing, ``visible[e] <= e``.
    """

    head: Counts
    known: Counts
    known_items: NDArray[np.int64]
    judged: Events
    exclude_seen: bool
    visible: NDArray[np.int64]

    @classmethod
    def of_log(
        cls,
        log: Events,
        start: int,
        judged: int,
        step_weights: NDArray[np.int64],
        exclude_seen: bool,
        visible: NDArray[np.int64],
    ) -> Validation:
        """Return the validation of a log, its codes given in order of first appearance.

        Parameters
        ----------
        log : Events
            The log in time order.
        start, judged : int
            Where the head ends, and where judging begins.
        step_weights : ndarray of shape (window,)
            Weights of transitions, in units.
        exclude_seen : bool
            Whether items that the user has seen are left out.
        visible : ndarray of shape (n_events - judged,)
            How many of the judged events each of them sees.
        """
        head, _ = Counts.empty().add_events(log.part(0, start), step_weights)
        known, _ = head.add_events(log.part(start, judged), step_weights)
        judged_events = log.part(judged, len(log.items))
        return cls(head, known, log.items[:judged], judged_events, exclude_seen, visible)

    def count_usable(self) -> int:
        """Return how many judged events are of a user with a history, of an eligible item, and of some weight."""
        users = np.r_[np.repeat(np.arange(self.known.n_users), np.diff(self.known.indptr)), self.judged.users]
        items = np.r_[self.known.history, self.judged.items]
        is_usable = self._see(users) & self._see(items)
        if self.judged.weights is not None:
            is_usable &= self.judged.weights > 0
        if self.exclude_seen:
            is_usable &= ~self._see(users * self.judged.n_items + items)
        return int(is_usable.sum())

    def _see(self, values: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each judged event sees one of its own value, given those of known and judged events."""
        _, first, which = np.unique(values, return_index=True, return_inverse=True)
        n_known = len(self.known.history)
        return first[which][n_known:] < n_known + self.visible

    def choices(
        self,
        model: Model,
        n_features: int,
        weights: Mapping[str, float],
        device: torch.device,
        cold: bool = False,
        each_part: bool = False,
    ) -> Choices:
        """Return the judged events of some weight whose true item was eligible as choices under a model's weights.

        Parameters
        ----------
        model : Model
            The weights.
        n_features : int
            How many numbers the features may hold. Where all candidates do not fit, half of them are those that score
            highest, which decide the likelihood, and half a uniform sample of the others.
        weights : mapping
            What they score highest with, by term. Other terms are not scored.
        device : torch.device
            Where they are scored, and where the choices are.
        cold : bool, default=False
            Whether to return the events of users without history, or those of all others.
        each_part : bool, default=False
            Whether up to half of the highest are the highest of each term by itself. What competes under other weights
            would be missing without them, and those weights seem better than they are.
        """
        walk = WalkForward(model, self._base(model), self.judged, self.visible, self.exclude_seen, device)

        def terms_of(view: View) -> Iterator[tuple[str, Tensor]]:
            return _each_term(view, model, weights, cold)

        return collect_choices(walk, self.judged, terms_of, n_features, weights, cold, each_part)

    def _base(self, model: Model) -> Base:
        """Return what is known, under a model's weights; pairs are counted once for all of them."""
        base = Base.build(self.known, self.known_items, model)
        if model.settings.neighbour_window:
            pairs = self.keep("pairs", self.known, lambda: base.pairs(model.settings))
            base.keep("pairs", self.known, lambda: pairs)
        return base


def collect_choices(
    walk: WalkForward,
    judged: Events,
    terms_of: Callable[[View], Iterable[tuple[str, Tensor]]],
    n_features: int,
    weights: Mapping[str, float],
    cold: bool = False,
    each_part: bool = False,
) -> Choices:
    """Return the events of a walk as :meth:`Validation.choices` does, given what yields the terms of a view by name."""
    generator = torch.Generator().manual_seed(0)
    features, n_chosen = torch.zeros(0, 1, 0, device=walk.device, dtype=torch.float32), 0
    terms: dict[str, Tensor] = {}
    every_offset = [torch.zeros(0, 1, device=walk.device, dtype=torch.float32)]
    situations, every_weight = [np.zeros((0, len(FEATURES)))], [np.zeros(0, dtype=np.int64)]
    for ranking in walk.blocks():
        weights_of = None if judged.weights is None else judged.weights[ranking.events]
        denied, rows = _usable(ranking, cold, weights_of)
        if rows.any():
            terms = {name: part[rows] for name, part in terms_of(ranking.view)}
            n_candidates = n_features // (len(judged.items) * len(terms))
            targets = beside(denied, ranking.targets)[rows][:, None]
            candidates, offsets = _candidates(
                terms, weights, denied[rows].scatter(1, targets, True), n_candidates, generator, each_part
            )
            candidates = torch.cat([targets, candidates], 1)
            if n_chosen == 0:  # once for all blocks: put together at the end, they would be here twice
                features = torch.empty(
                    len(judged.items), candidates.shape[1], len(terms), device=walk.device, dtype=torch.float32
                )
            of_block = [part.gather(1, candidates) for part in terms.values()]
            torch.stack(of_block, 2, out=features[n_chosen : n_chosen + len(targets)])
            n_chosen += len(targets)
            every_offset.append(torch.cat([offsets.new_zeros(len(targets), 1), offsets], 1))
            chosen = rows.cpu().numpy()
            situations.append(ranking.view.situations()[chosen])
            every_weight += [] if weights_of is None else [weights_of[chosen]]
    offsets = torch.cat(every_offset[1:] or every_offset)
    shares = None if judged.weights is None else _shares(np.concatenate(every_weight)).to(walk.device)
    return Choices(tuple(terms), features[:n_chosen], offsets, np.concatenate(situations), shares)


def _shares(weights: NDArray[np.int64]) -> Tensor:
    """Return weights divided by their mean: exactly 1 where all are the same."""
    return torch.from_numpy((weights / max(weights.mean(), 1.0) if len(weights) else weights).astype(np.float32))


def _usable(ranking: Ranking, cold: bool, weights: NDArray[np.int64] | None) -> tuple[Tensor, Tensor]:
    """Return which items are denied to each row, and which rows are judged.

    These are of the kind wanted, their item is eligible, and their event counts something.
    """
    denied = ranking.view.zeros()
    ranking.deny(denied)
    denied = denied < 0
    is_wanted = ranking.view.is_cold == cold
    rows = beside(denied, is_wanted if weights is None else is_wanted & (weights > 0))
    return denied, rows & ~denied.gather(1, beside(denied, ranking.targets)[:, None])[:, 0]


def _candidates(
    terms: Mapping[str, Tensor],
    weights: Mapping[str, float],
    denied: Tensor,
    n_candidates: int,
    generator: torch.Generator,
    each_part: bool,
) -> tuple[Tensor, Tensor]:
    """Return what :func:`choose` does, given the terms of the score by name and what they are blended with."""
    scores = torch.zeros_like(denied, dtype=torch.float32)
    for name, part in terms.items():
        scores.add_(part, alpha=weights[name])
    if each_part and scores.shape[1] > n_candidates:
        scores = lift_highest(scores, list(terms.values()), denied, n_candidates // 4)
    return choose(scores, denied, n_candidates, generator)


def lift_highest(scores: Tensor, parts: list[Tensor], denied: Tensor, n_lifted: int) -> Tensor:
    """Return scores in which the highest items of each part, ``n_lifted`` in all at most, stand above all others."""
    is_high = torch.zeros_like(denied)
    for part in parts:
        highest = torch.topk(part.masked_fill(denied, -torch.inf), n_lifted // len(parts)).indices
        is_high.scatter_(1, highest, True)
    spread = scores.amax(1, keepdim=True) - scores.amin(1, keepdim=True)
    return torch.where(is_high, scores + spread + 1.0, scores)


def choose(scores: Tensor, denied: Tensor, n_candidates: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return candidates of each row, and the log of how many items each stands for.

    Parameters
    ----------
    scores : Tensor of shape (n_rows, n_items)
        What an item scores, more or less.
    denied : Tensor of shape (n_rows, n_items), bool
        Which items are none.
    n_candidates : int
        How many to choose; all if there are not more items.
    generator : torch.Generator
        What the sample is drawn with.

    Returns
    -------
    candidates : Tensor of shape (n_rows, n_candidates), int64
        The highest scores, each standing for itself, then the sample.
    offsets : Tensor of shape (n_rows, n_candidates)
        0, or for the sample the log of the number of other items per candidate; minus infinity if denied.
    """
    n_rows, n_items = scores.shape
    if n_items <= n_candidates:
        every = torch.arange(n_items, device=scores.device)
        return every.expand(n_rows, -1), torch.zeros_like(scores).masked_fill_(denied, -torch.inf)
    scores = scores.masked_fill(denied, -torch.inf)
    highest = torch.topk(scores, n_candidates // 2).indices
    others = ~denied.scatter(1, highest, True)
    drawn = torch.randperm(n_items, generator=generator)[: n_candidates - n_candidates // 2]
    sample = drawn.to(scores.device).expand(n_rows, -1)
    is_other = others.gather(1, sample)
    n_others, n_sampled = (is_there.sum(1, keepdim=True).float() for is_there in (others, is_other))
    stands_for = torch.log(n_others / n_sampled.clamp_min(1))
    offsets = torch.cat(
        [
            torch.zeros_like(stands_for).masked_fill(denied.gather(1, highest), -torch.inf),
            torch.where(is_other, stands_for, -torch.inf),
        ],
        1,
    )
    return torch.cat([highest, sample], 1), offsets


def _each_term(view: View, model: Model, wanted: Container[str], cold: bool) -> Iterator[tuple[str, Tensor]]:
    """Yield what a blend is fitted on: parts under their unit weights, by name, shape (n_rows, n_items).

    Parameters
    ----------
    view : View
        What the rows are scored from.
    model : Model
        What the neural parts are, and how many weights the parts have.
    wanted : container of str
        The terms.
    cold : bool
        Whether the parts are those of users without history; event counts, which need no weight, are left out.
    """
    for part in PARTS:
        if cold and not part.SERVES_COLD:
            continue
        for name, unit in part.terms(model.settings).items():
            if name in wanted:
                yield name, part.cold_scores(view, unit) if cold else part.scores(view, unit, model.heads)
