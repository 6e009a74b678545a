"""Heads: the scoring half of an objective, from encoded queries and items to the neural parts of a score.

Training is not needed here: what is minimised, and on which rows, is the other half (``_training/objectives.py``).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .module import HISTORY_ENCODERS, SHARED, AutoSeqRecModule
from .residual_encoder import ResidualEncoder
from .vectors import BIASED_PARTS, NEURAL_PARTS, ItemVectors, QueryVectors, product, used_ranges, weighted

#: Shorter rows are not scaled to unit norm: they are empty.
SMALLEST_NORM = 1e-12


class Heads(ABC):
    """What the neural parts of a score are, and how projected rows are encoded."""

    #: The objective whose heads they are.
    NAME: ClassVar[str]
    #: Whether the neural score is a product of embeddings.
    ARE_LINEAR: ClassVar[bool]
    #: Whether training may sum its loss over sampled items; otherwise it reconstructs whole rows.
    SAMPLES_ITEMS: ClassVar[bool]
    #: The neural parts that it has.
    PARTS: ClassVar[tuple[str, ...]] = NEURAL_PARTS
    #: How histories may be encoded, and what "auto" takes on dense logs.
    HISTORIES: ClassVar[tuple[str, ...]]
    DENSE_HISTORY: ClassVar[str]
    #: Weights of the parts of a score where none are given or fitted; None takes the parts' own.
    BLEND: ClassVar[Mapping[str, float] | None] = None
    #: Parts that no fitted blend weighs.
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def encode(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return the hidden representation of rows given as their projections and squared norms."""

    @abstractmethod
    def two_hop_queries(self, history_row: Tensor, source: Tensor) -> Tensor:
        """Return the query of the two-hop part, given encoded history rows and transitions out of the last items."""

    def queries(self, module: AutoSeqRecModule, row: Tensor, history: Tensor, source: Tensor) -> QueryVectors:
        """Return the queries of the neural parts, one row each.

        Parameters
        ----------
        module : AutoSeqRecModule
            The trained weights.
        row, history : Tensor of shape (n_rows, d)
            The histories, encoded like any other row and by their own encoder; the same if they have none.
        source : Tensor of shape (n_rows, d)
            The encoded transitions out of the last items.
        """
        return QueryVectors(one_hop=source, collaborative=history, two_hop=self.two_hop_queries(row, source))

    def reach(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return the item's vector of the two-hop part, given the transitions into it: projections, squared norms."""
        return self.encode(module, projections, squared_norms)

    def reach_array(
        self, module: AutoSeqRecModule, projections: NDArray[np.float32], squared_norms: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return what :meth:`reach` does for arrays; the projections may be overwritten."""
        return self.reach(module, torch.from_numpy(projections), torch.from_numpy(squared_norms)).numpy()

    def score(self, queries: QueryVectors, items: ItemVectors, blend: Mapping[str, Any]) -> Tensor:
        """Return the blended neural parts but for :meth:`bias`, shape (n_rows, n_items)."""
        scores = items.zeros(len(queries.collaborative), items.n_items)
        for name in NEURAL_PARTS:
            if blend[name]:
                scores.add_(self.part(name, queries, items), alpha=blend[name])
        return scores

    def bias(self, items: ItemVectors, blend: Mapping[str, Any]) -> Tensor:
        """Return what is added to each item's score whoever asks, shape (n_items,)."""
        return items.zeros(items.n_items)

    def part(self, name: str, queries: QueryVectors, items: ItemVectors) -> Tensor:
        """Return one neural part of the score by itself, biases included, shape (n_rows, n_items): a product."""
        vectors, hidden = items.columns((name,)), getattr(queries, name)
        if name not in BIASED_PARTS:
            return hidden @ vectors.T
        return torch.addmm(items.biases[BIASED_PARTS[name]], hidden, vectors.T)


class PaperHeads(Heads):
    """Heads of the published model (paper, section 3.4): sigmoid and relu outputs, and no norms."""

    NAME, ARE_LINEAR, SAMPLES_ITEMS = "paper", False, False
    HISTORIES, DENSE_HISTORY = (SHARED,), SHARED
    BLEND: ClassVar[Mapping[str, float]] = {"collaborative": 0.6, "one_hop": 0.2, "two_hop": 0.2}
    #: What each decoder's output passes through.
    OUTPUTS: ClassVar[Mapping[str, Any]] = {
        "collaborative": torch.sigmoid,
        "source": torch.relu,
        "target": torch.relu,
    }

    def encode(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Encode rows as they are: ``f(x) = activation(W' x + b)``."""
        return module.activate(projections)

    def two_hop_queries(self, history_row: Tensor, source: Tensor) -> Tensor:
        """Return ``z_s * z_u``."""
        return source * history_row

    def part(self, name: str, queries: QueryVectors, items: ItemVectors) -> Tensor:
        """Return ``sigmoid(D_u z_u)``, ``relu(D_s z_s)`` or ``(z_s * z_u) . z_t``."""
        linear = super().part(name, queries, items)
        return self.OUTPUTS[BIASED_PARTS[name]](linear) if name in BIASED_PARTS else linear


class MultinomialHeads(Heads):
    """Linear heads over unit rows: the neural score is a product of embeddings."""

    NAME, ARE_LINEAR, SAMPLES_ITEMS = "multinomial", True, True
    HISTORIES, DENSE_HISTORY = (SHARED, *HISTORY_ENCODERS), ResidualEncoder.NAME
    #: Beside the other parts it changes a result less than another seed does, and is a third of the product of scoring.
    LEFT_OUT = frozenset({"one_hop"})
    #: Makes a cosine as wide as the other parts are.
    TWO_HOP_SCALE = 10.0

    def encode(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Encode rows scaled to unit norm: ``f(x) = activation(W' x / |x| + b)``; an empty row has ``x / |x| = 0``."""
        return module.activate(projections / squared_norms.sqrt().clamp_min(SMALLEST_NORM)[:, None])

    def reach(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return the encoded columns as unit vectors, so that the two-hop part is a cosine."""
        return functional.normalize(self.encode(module, projections, squared_norms))

    def reach_array(
        self, module: AutoSeqRecModule, projections: NDArray[np.float32], squared_norms: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return what :meth:`reach` does, in fewer calls: an event moves one item. The projections are overwritten."""
        projections /= np.maximum(np.sqrt(squared_norms), np.float32(SMALLEST_NORM))[:, None]
        reached = module.activate_array(projections)
        norms = np.sqrt(np.einsum("kd,kd->k", reached, reached))
        return reached / np.maximum(norms, np.float32(SMALLEST_NORM))[:, None]

    def two_hop_queries(self, history_row: Tensor, source: Tensor) -> Tensor:
        """Return ``z_s * z_u`` at a fixed length."""
        return self.TWO_HOP_SCALE * functional.normalize(source * history_row)

    def encode_arrays(
        self, module: AutoSeqRecModule, projections: NDArray[np.float32], squared_norms: Sequence[float]
    ) -> NDArray[np.float32]:
        """Return what :meth:`encode` does for a few rows, in fewer calls; the projections are overwritten."""
        for row, squared_norm in zip(projections, squared_norms, strict=True):
            row /= max(math.sqrt(squared_norm), SMALLEST_NORM)
        return module.activate_array(projections)

    def two_hop_array(self, history_row: NDArray[np.float32], source: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what :meth:`two_hop_queries` does for one row, in fewer calls."""
        both = source * history_row
        both *= self.TWO_HOP_SCALE / max(math.sqrt(both @ both), SMALLEST_NORM)
        return both

    def score(self, queries: QueryVectors, items: ItemVectors, blend: Mapping[str, Any]) -> Tensor:
        """Return the blended neural parts as one product for each array of which parts are used."""
        products = [product(weighted(queries, blend, names), items.columns(names)) for names in used_ranges(blend)]
        return reduce(torch.add, products) if products else items.zeros(len(queries.collaborative), items.n_items)

    def bias(self, items: ItemVectors, blend: Mapping[str, Any]) -> Tensor:
        """Return what is added to each item's score whoever asks, shape (n_items,)."""
        biases = [blend[part] * items.biases[decoder] for part, decoder in BIASED_PARTS.items() if blend[part]]
        return torch.stack(biases).sum(0) if len(biases) > 1 else biases[0] if biases else super().bias(items, blend)

    def embed(self, queries: QueryVectors, blend: Mapping[str, Any]) -> Tensor:
        """Return the vectors whose product with the items' vectors is the blended neural part, but for the biases."""
        return weighted(queries, blend, NEURAL_PARTS)


class ClosedFormHeads(Heads):
    """No network: representations have no components, and no part of the score is neural."""

    NAME, ARE_LINEAR, SAMPLES_ITEMS = "closed_form", False, False
    HISTORIES, DENSE_HISTORY, PARTS = (SHARED,), SHARED, ()
    LEFT_OUT = frozenset(NEURAL_PARTS)

    def encode(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return what has no components."""
        return projections

    def two_hop_queries(self, history_row: Tensor, source: Tensor) -> Tensor:
        """Return what has no components."""
        return source


#: The heads of each objective.
HEADS: dict[str, type[Heads]] = {heads.NAME: heads for heads in (MultinomialHeads, PaperHeads, ClosedFormHeads)}
