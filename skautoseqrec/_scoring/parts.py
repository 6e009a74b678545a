"""The parts of a score, as a table: a class for each, and what it adds to scores.

Everything that scores goes through :data:`PARTS`: answers and walks add up weighted parts, an explanation shows each by
itself, the blend is fitted on each by itself, and users without history have the parts that say something of them. To
add a part: a class here or in a file of its own, a row of the table, the oracle of the tests, the user guide.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._counts.settings import SequenceSettings
from .._network.heads import Heads
from .._network.vectors import BIASED_PARTS
from .._utils.devices import beside
from .queries import SummedRows
from .view import View


class Part(ABC):
    """One part of a score."""

    #: The key in a blend.
    NAME: ClassVar[str]
    #: Its weight where no weights are given or fitted; the parts of a score have comparable spreads.
    DEFAULT_WEIGHT: ClassVar[float] = 0.0
    #: What it has a weight for each of, in a tuple; None if it has a single weight.
    PER: ClassVar[str | None] = None
    #: How many of the last weights may be left out, which are 0 then.
    MAY_LACK: ClassVar[int] = 0
    #: Whether one number may stand for the whole tuple.
    TAKES_NUMBER: ClassVar[bool] = False
    #: Whether all neural parts are scored at once, in one product; then ``add`` serves to show it by itself.
    IS_NEURAL: ClassVar[bool] = False
    #: Whether it scores an item alike for all users of one moment.
    IS_SHARED: ClassVar[bool] = False
    #: Whether it says something of users without history.
    SERVES_COLD: ClassVar[bool] = False
    #: Whether it only tells apart what a user has met already.
    NEEDS_SEEN: ClassVar[bool] = False

    @abstractmethod
    def add(self, scores: Tensor, view: View, weight: Any, heads: Heads) -> None:
        """Add the weighted part, as of when the batch began, to scores of shape (n_rows, n_items), in place.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_items)
            What it is added to.
        view : View
            What the rows are scored from.
        weight : float, or tuple of float
            Its weight in the blend.
        heads : Heads
            What the neural parts are.
        """

    def score_changes(self, view: View, weight: Any) -> Tensor | None:
        """Return by how much each recent event changes the weighted part of its item, (n_rows, n_recent).

        None where no event changes it.
        """
        return None

    def add_cold(self, scores: Tensor, view: View, weight: Any) -> None:
        """Add the weighted part for users without history, recent events included, in place."""
        return  # most parts know nothing of them

    def n_weights(self, settings: SequenceSettings) -> int:
        """Return how many weights it has."""
        return 1

    def spread(self, number: float, settings: SequenceSettings) -> Any:
        """Return the weights that one number stands for."""
        return number

    def terms(self, settings: SequenceSettings) -> dict[str, Any]:
        """Return the unit weights that its weights are multiples of, by name: those of a tuple by their place."""
        if self.PER is None:
            return {self.NAME: 1.0}
        units = np.eye(self.n_weights(settings)).tolist()
        return {f"{self.NAME} {place}": tuple(unit) for place, unit in enumerate(units)}

    def scores(self, view: View, weight: Any, heads: Heads) -> Tensor:
        """Return the weighted part by itself, recent events included, shape (n_rows, n_items)."""
        scores = view.zeros()
        self.add(scores, view, weight, heads)
        changes = self.score_changes(view, weight)
        if changes is not None:
            view.recent.add(scores, changes)
        return scores

    def cold_scores(self, view: View, weight: Any) -> Tensor:
        """Return the weighted part of users without history by itself, shape (n_rows, n_items)."""
        scores = view.zeros()
        self.add_cold(scores, view, weight)
        return scores


class NeuralPart(Part):
    """A part that the heads know."""

    IS_NEURAL = True

    def add(self, scores: Tensor, view: View, weight: float, heads: Heads) -> None:
        """Add what the heads make of queries and items."""
        scores.add_(view.spread(heads.part(self.NAME, view.queries.vectors, view.item_vectors)), alpha=weight)


class BiasedPart(NeuralPart):
    """A neural part with a bias per item, which is what it says of users without history."""

    SERVES_COLD = True

    def add_cold(self, scores: Tensor, view: View, weight: float) -> None:
        """Add the decoder's bias."""
        scores += view.spread(view.item_vectors.biases[BIASED_PARTS[self.NAME]][None] * weight)


class Collaborative(BiasedPart):
    """What the encoded history decodes to."""

    NAME, DEFAULT_WEIGHT = "collaborative", 1.0


class OneHop(BiasedPart):
    """What the transitions out of the last items decode to."""

    NAME, DEFAULT_WEIGHT = "one_hop", 0.5


class TwoHop(NeuralPart):
    """How the encoded history and transitions out of the last items meet the transitions into an item."""

    NAME, DEFAULT_WEIGHT = "two_hop", 0.5

    def score_changes(self, view: View, weight: float) -> Tensor | None:
        """Return what the change of the item's vector is worth to each query."""
        if not len(view.recent.items):
            return None
        queries, changes = view.queries.vectors.two_hop, view.recent.vector_changes
        return torch.addmm(queries.new_zeros(()), queries, changes.T, beta=0.0, alpha=weight)


class Direct(Part):
    """The transitions out of each of the last items as they are counted: ``log1p(5 T[last item])``."""

    NAME, DEFAULT_WEIGHT, PER, TAKES_NUMBER = "direct", 0.5, "last item", True

    def n_weights(self, settings: SequenceSettings) -> int:
        """Return the number of last items."""
        return settings.n_lags

    def spread(self, number: float, settings: SequenceSettings) -> tuple[float, ...]:
        """Return weights that fade as the context does."""
        return tuple(number * settings.context_decay**lag for lag in range(settings.n_lags))

    def add(self, scores: Tensor, view: View, weight: Sequence[float], heads: Heads) -> None:
        """Add the logs of the rows of T."""
        view.queries.last.add_logs(scores, weight, view.factor(self.NAME))


class Neighbours(Part):
    """Counts of pairs, as cosines: ``8 sum_k neighbour_decay**(k - 1) C[l_k, i] / sqrt(c[l_k] c[i])``."""

    NAME, DEFAULT_WEIGHT = "neighbours", 0.5
    #: Makes the sum as wide as the other parts are.
    SCALE = 8.0

    def add(self, scores: Tensor, view: View, weight: float, heads: Heads) -> None:
        """Add the sums as each row sees them, recent events included."""
        if view.neighbourhood is not None:
            cosines = view.neighbourhood().cosines()
            scores.add_(view.gated(cosines.to(scores.device), self.NAME), alpha=weight * self.SCALE)


class Linear(Part):
    """The linear autoencoder of the user-item matrix, asked with the newest items: ``16 history row @ B``."""

    NAME, DEFAULT_WEIGHT = "linear", 0.5
    #: Makes the product as wide as the other parts are.
    SCALE = 16.0

    def add(self, scores: Tensor, view: View, weight: float, heads: Heads) -> None:
        """Add the product, for the items that the autoencoder has."""
        linear = view.queries.linear
        if linear is not None:
            product = view.gated(linear.project(view.queries.recent_rows).to(scores.device), self.NAME)
            if linear.are_first:  # adding to columns one by one takes as long as the product
                scores[:, : product.shape[1]].add_(product, alpha=weight * self.SCALE)
            else:
                scores.index_add_(1, beside(scores, linear.items), product, alpha=weight * self.SCALE)


class Repeat(Part):
    """What the user has met: ``w_1 log1p(20 decayed count) + w_2 log1p(count) - [met] (w_3 + w_4 log1p(5 T[last]))``.

    The first is what was of interest lately, the second habit. The others tell what was met (whatever it weighs) from
    what was not, which the other parts of the score know nothing of: where people either go on or come back,
    transitions do not say what they come back to.
    """

    NAME, DEFAULT_WEIGHT, NEEDS_SEEN = "repeat", 0.5, True
    PER, TAKES_NUMBER, MAY_LACK = "kind of count", True, 1
    #: How strongly a decayed count saturates in a log.
    SCALE = 20.0

    def n_weights(self, settings: SequenceSettings) -> int:
        """Return the number of kinds."""
        return 4

    def spread(self, number: float, settings: SequenceSettings) -> tuple[float, ...]:
        """Return weights of the decayed counts alone."""
        return number, 0.0, 0.0, 0.0

    def add(self, scores: Tensor, view: View, weight: Sequence[float], heads: Heads) -> None:
        """Add what the histories say."""
        decayed, counted, met, followed = weight
        factor, (n_rows, n_items), queries = view.factor(self.NAME), scores.shape, view.queries
        if decayed:
            rows = queries.history_rows
            scaled = rows._replace(values=rows.values * np.float32(self.SCALE))
            SummedRows([scaled], n_items).add_logs(scores, decayed, factor)
        if counted:
            SummedRows([queries.histories.counted()], n_items).add_logs(scores, counted, factor)
        if met or followed:
            everything = SummedRows([queries.histories.met()], n_items)
            everything.add_presence(scores, -met, factor)
        if followed:
            logs, is_met = scores.new_zeros(n_rows, n_items), scores.new_zeros(n_rows, n_items)
            queries.last.add_logs(logs, (1.0,), factor)
            everything.add_presence(is_met, 1.0)
            scores.addcmul_(logs, is_met, value=-followed)


class Trend(Part):
    """The log of decayed popularity, with a weight for each half-life."""

    NAME, DEFAULT_WEIGHT, PER = "trend", 0.2, "half-life"
    IS_SHARED, SERVES_COLD = True, True

    def n_weights(self, settings: SequenceSettings) -> int:
        """Return the number of half-lives."""
        return len(settings.trend_half_lives)

    def spread(self, number: float, settings: SequenceSettings) -> tuple[float, ...]:
        """Return equal weights that add up to the number."""
        n_trends = len(settings.trend_half_lives)
        return (number / max(n_trends, 1),) * n_trends

    def add(self, scores: Tensor, view: View, weight: Sequence[float], heads: Heads) -> None:
        """Add the levels as of when the batch began."""
        view.trend.add_levels(scores, weight, view.factor(self.NAME))

    def score_changes(self, view: View, weight: Sequence[float]) -> Tensor | None:
        """Return by how much each recent event raises its item; a live view has them in its levels."""
        if not len(view.trend.items):
            return None
        return view.gated(view.trend.score_changes(weight).to(view.item_vectors.arrays[0].device), self.NAME)

    def add_cold(self, scores: Tensor, view: View, weight: Sequence[float]) -> None:
        """Add the levels as each row sees them."""
        view.trend.add(scores, weight)


class Popularity(Part):
    """What the events of an item weigh together, their number if all count 1: for users without history or trend."""

    NAME = "popularity"
    SERVES_COLD = True

    def add(self, scores: Tensor, view: View, weight: float, heads: Heads) -> None:
        """Add nothing: users with a history have better parts."""

    def add_cold(self, scores: Tensor, view: View, weight: float) -> None:
        """Add the number of events, or what they weigh, as each row sees it."""
        scores.add_(view.mass(), alpha=weight)
        if len(view.trend.items):
            counts = beside(scores, view.trend.counts_seen())
            scores.index_add_(1, beside(scores, view.trend.items), counts, alpha=weight)


#: The parts that a blend weighs, in the order in which they are added.
PARTS: tuple[Part, ...] = (Collaborative(), OneHop(), TwoHop(), Direct(), Neighbours(), Linear(), Repeat(), Trend())
#: The parts that the blend of users without history weighs.
COLD_PARTS: tuple[Part, ...] = (*(part for part in PARTS if part.SERVES_COLD), Popularity())
