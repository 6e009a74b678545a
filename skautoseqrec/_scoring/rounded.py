"""Candidates from rounded products: bfloat16 finds them, a bound of its error proves them, and float32 scores them.

A product of rounded factors takes a fraction of the time where the processor multiplies bfloat16, and is off by more
than neighbours in a ranking differ. By how much at most is known. With ``q'`` and ``v'`` for rounded vectors,

    ``|q' v' - q v| <= |q - q'| |v'| + |q| |v - v'|``,

and adding up in float32 and rounding the sum have bounds of their own. An item that stands further than twice the whole
bound below place k is not among the best k. All others are scored in float32: the answers are those of float32.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._network.heads import MultinomialHeads
from .._network.vectors import ItemVectors, used_ranges, weighted
from .scorer import Scorer
from .view import View

#: With fewer items (in all, or for each place of an answer) or shorter vectors, scoring candidates again takes as long
#: as the rounded products spared.
FEWEST_ITEMS, ITEMS_PER_PLACE, LEAST_WIDTH = 2000, 64, 64
#: By how much of itself a number changes at most when it is rounded to bfloat16, and by how much of all its terms a sum
#: in float32 is off for each of them: in the rounded product, and in the one that it stands for.
ROUNDING, SUMMING = 2.0**-8, 2.0**-22
#: By how much of itself a score changes at most where sums of float32 are rounded.
ADDING = 2.0**-20
#: If more than one in so many items is a candidate, scoring all of them takes no longer.
MOST_CANDIDATES = 32
#: Pairs of vectors that are multiplied at a time: they stay in the cache.
PAIRS_AT_A_TIME = 256
FLOATS = torch.finfo(torch.float32)


class RoundedItems(NamedTuple):
    """The items' vectors in bfloat16, and what rounding did to them.

    Parameters
    ----------
    vectors : Tensor of shape (n_items, width), bfloat16
        The vectors of the parts that a blend weighs.
    norm, error : float
        The largest norm of a rounded vector, and of what a vector lost.
    """

    vectors: Tensor
    norm: float
    error: float

    @classmethod
    def of(cls, *arrays: Tensor) -> RoundedItems:
        """Return the vectors that stand in some arrays rounded, side by side."""
        exact = torch.cat(arrays, 1) if len(arrays) > 1 else arrays[0]
        vectors = exact.bfloat16()
        widened = vectors.float()
        norm, error = (float(_norms(rows).max()) for rows in (widened, exact - widened))
        return cls(vectors, norm, error)

    def bounds(self, exact: Tensor, rounded: Tensor) -> Tensor:
        """Return by how much the rounded products of queries may be off at most, shape (n_rows,)."""
        widened, width = rounded.float(), exact.shape[1]
        norms, rounded_norms, lost = (_norms(rows) for rows in (exact, widened, exact - widened))
        of_sums = (ROUNDING + SUMMING * width) * self.norm * rounded_norms
        # Terms below the least normal number may have been taken for 0.
        return (lost * self.norm + norms * self.error + of_sums + width * FLOATS.tiny).float()


def _norms(rows: Tensor) -> Tensor:
    """Return the norm of each row; the squares of small or large numbers would be 0 or infinite in float32."""
    return torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64)


class Candidates(NamedTuple):
    """Items of each row that its best k are among, in order of item; filled up behind with minus infinity.

    Parameters
    ----------
    scores : Tensor of shape (n_rows, n_candidates)
        Their scores.
    items : ndarray of shape (n_rows, n_candidates), int64
        The items; 0 where there is none.
    """

    scores: Tensor
    items: NDArray[np.int64]


def is_for_rounding(scorer: Scorer, view: View, k: int) -> bool:
    """Tell whether the best k items of each row are found sooner by rounded products; a single row's are not."""
    ranges = used_ranges(scorer.blend)
    # Other heads, even those derived from these, may score in another way.
    if not (scorer.rounds and ranges and type(scorer.model.heads) is MultinomialHeads):
        return False
    is_wide = sum(view.item_vectors.columns(names).shape[1] for names in ranges) >= LEAST_WIDTH
    return is_wide and len(view.is_cold) > 1 and view.n_items >= max(FEWEST_ITEMS, ITEMS_PER_PLACE * k)


def find_candidates(scorer: Scorer, view: View, leave_out_of: Callable[[Tensor], object], k: int) -> Candidates:
    """Return candidates for the best k items of each row: few, or all items where too many are close.

    Parameters
    ----------
    scorer : Scorer
        The model.
    view : View
        What the rows are scored from.
    leave_out_of : callable
        Sets the scores of what may not be recommended to minus infinity, in place.
    k : int
        How many items; not more than there are.
    """
    whole, by_array = cast(ItemVectors, view.all_vectors), used_ranges(scorer.blend)
    arrays = [*map(whole.columns, by_array)]
    items = scorer.keep("rounded items", whole, lambda: RoundedItems.of(*arrays))
    queries = weighted(view.queries.vectors, scorer.blend, tuple(chain(*by_array)))
    rounded_queries = queries.bfloat16()
    products = torch.mm(rounded_queries, items.vectors[: view.n_items].T)
    scores = scorer.completed(products.float(), view)
    leave_out_of(scores)
    least = torch.topk(scores, k, dim=1).values[:, -1]
    least -= 2 * items.bounds(queries, rounded_queries) + ADDING * least.abs()
    # Below the least number there is only what was left out; where no bound is known, nothing is below it.
    least.nan_to_num_(nan=FLOATS.min, neginf=FLOATS.min)
    places = np.flatnonzero((scores >= least[:, None]).numpy())
    if len(places) * MOST_CANDIDATES > scores.numel():
        exact = scorer.model.heads.score(view.queries.vectors, view.item_vectors, scorer.blend)
        changes = view.spread(exact - products.float())
        changes[torch.from_numpy(view.is_cold)] = 0.0  # nothing of them is neural
        return Candidates(scores.add_(changes), np.broadcast_to(np.arange(view.n_items), scores.shape))
    rows, found = np.divmod(places, view.n_items)
    vectors = np.minimum(found, products.shape[1] - 1)  # the last stands for every item that has none
    change = -products[torch.from_numpy(rows), torch.from_numpy(vectors)].float().numpy()
    for array, of_array in zip(arrays, queries.split([array.shape[1] for array in arrays], 1), strict=True):
        change += paired_products(of_array.numpy(), array.numpy(), rows, vectors)
    change[view.is_cold[rows]] = 0.0
    return _side_by_side(rows, found, scores.view(-1).numpy()[places] + change, (len(scores), k))


def paired_products(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], rows: NDArray[np.int64], places: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the product of each query ``rows[p]`` with the vector ``places[p]``, shape (n_pairs,)."""
    products = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), PAIRS_AT_A_TIME):
        pairs = slice(start, start + PAIRS_AT_A_TIME)
        np.einsum("pd,pd->p", queries.take(rows[pairs], 0), vectors[places[pairs]], out=products[pairs])
    return products


def _side_by_side(
    rows: NDArray[np.int64], items: NDArray[np.int64], scores: NDArray[np.float32], least_shape: tuple[int, int]
) -> Candidates:
    """Return pairs, given in order of row, as candidates: so many rows, and so many columns at least."""
    n_rows, least_width = least_shape
    lengths = np.bincount(rows, minlength=n_rows)
    columns = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    shape = n_rows, int(lengths.max(initial=least_width))
    side_by_side, of_scores = np.zeros(shape, dtype=np.int64), np.full(shape, -np.inf, dtype=np.float32)
    side_by_side[rows, columns], of_scores[rows, columns] = items, scores
    return Candidates(torch.from_numpy(of_scores), side_by_side)
