"""How alike some items are, as of one snapshot: the cosines that ``similar_items`` compares, or those of pairs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .._state.snapshot import Snapshot
from .._utils.ragged import SparseEntries
from .scorer import Scorer


def cosines_between(scorer: Scorer, snapshot: Snapshot, codes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the cosine of some items with each other, shape (n, n).

    With a network, items are compared by the encoded transitions into them. Without one, by the counts of pairs, which
    say how often two stand near each other; such a cosine is at most 1.

    Raises
    ------
    ValueError
        If the model has neither a network nor counts of pairs.
    """
    if scorer.model.heads.PARTS:
        vectors = functional.normalize(_vectors(snapshot, codes))
        return (vectors @ vectors.T).numpy()
    if not scorer.model.settings.neighbour_window:
        raise ValueError(
            "Without a network and with neighbour_window=0 the recommender does not know which items are alike. Give "
            "vectors= of the items, or fit with another neighbour_window."
        )
    ones = np.ones(len(codes), dtype=np.float32)
    each = SparseEntries(np.ones(len(codes), dtype=np.int64), codes, ones)
    cosines = snapshot.neighbourhood(each, scorer.mass(snapshot)).cosines()[:, torch.from_numpy(codes)]
    cosines.fill_diagonal_(1.0)
    return cosines.clamp_(max=1.0).numpy()


def _vectors(snapshot: Snapshot, codes: NDArray[np.int64]) -> torch.Tensor:
    """Return the two-hop vectors of some items, with the changes since the base."""
    changes, known = snapshot.changes(), snapshot.base.item_vectors.two_hop
    # The last row stands for every item that the base does not know.
    vectors = known[torch.from_numpy(np.minimum(codes, len(known) - 1))]
    order = np.argsort(changes.items)
    places = np.searchsorted(changes.items, codes, sorter=order)
    changed = np.flatnonzero(np.isin(codes, changes.items))
    vectors[torch.from_numpy(changed)] += changes.vector_changes[torch.from_numpy(order[places[changed]])]
    return vectors
