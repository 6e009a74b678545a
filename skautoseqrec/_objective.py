"""The objective: all that tells one published or improved model from another, each aspect in one place.

An objective names the rows that each decoder learns (``training_rows``), where the weights start (``initialise``),
what a decoder's output means (``HEADS``), what is minimised (``loss``), and how the parts of a score are put
together (``score``, ``two_hop_queries``). Module, training loop, state, replay and estimator know none of this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from ._counting import TRANSITION_UNIT
from ._module import AutoSeqRecModule, SparseRows


class Queries(NamedTuple):
    """What is known of the users to be answered: one row each."""

    user: Tensor  # z_u (n_rows, d), from the history
    source: Tensor  # z_s (n_rows, d), from the transitions out of the last items


class PaperObjective:
    """The published model: squared reconstruction error through nonlinear heads (paper, sections 3.2 to 3.4)."""

    PARTS = ("collaborative", "one_hop", "two_hop")
    BLEND = {"collaborative": 0.6, "one_hop": 0.2, "two_hop": 0.2}
    HEADS = {"collaborative": torch.sigmoid, "source": torch.relu, "target": torch.relu}

    def training_rows(
        self, user_item: sparse.csr_matrix, transitions: sparse.csr_matrix
    ) -> dict[str, sparse.csr_matrix]:
        """Return the rows that each decoder learns to reconstruct: R, T and T transposed.

        Parameters
        ----------
        user_item : csr_matrix of shape (n_users, n_items)
            Counts.
        transitions : csr_matrix of shape (n_items, n_items)
            Transitions in whole units.

        Returns
        -------
        rows : dict of csr_matrix, float32
            One matrix per decoder.
        """
        transitions = (transitions / TRANSITION_UNIT).astype(np.float32)
        return {
            "collaborative": user_item.astype(np.float32),
            "source": transitions,
            "target": transitions.T.tocsr(),
        }

    def initialise(self, module: AutoSeqRecModule) -> None:
        """Draw the encoder's weights as torch draws those of a linear layer; the decoders already are such layers."""
        bound = 1 / math.sqrt(module.n_items)
        nn.init.uniform_(module.encoder_weight, -bound, bound)
        nn.init.uniform_(module.encoder_bias, -bound, bound)

    def loss(self, decoder: str, logits: Tensor, rows: SparseRows) -> Tensor:
        """Return the mean squared error of a batch of reconstructed rows."""
        return functional.mse_loss(self.HEADS[decoder](logits), rows.to_dense(logits.shape[1]))

    def score(self, queries: Queries, items: ItemSide, blend: Mapping[str, float]) -> Tensor:
        """Return the blended score of every item for every query.

        Parameters
        ----------
        queries : Queries
            n_rows encoded histories and sources.
        items : ItemSide
            Decoder rows and target representations of n_items items.
        blend : mapping
            Weight of each of ``PARTS``.

        Returns
        -------
        scores : Tensor of shape (n_rows, n_items)
            ``w1 sigmoid(D_u z_u) + w2 relu(D_s z_s) + w3 (z_s * z_u) . z_t``.
        """
        scores = self.HEADS["collaborative"](items.logits("collaborative", queries.user)).mul_(blend["collaborative"])
        scores += self.HEADS["source"](items.logits("source", queries.source)).mul_(blend["one_hop"])
        return scores.addmm_(self.two_hop_queries(queries, blend), items.reached.T)

    def two_hop_queries(self, queries: Queries, blend: Mapping[str, float]) -> Tensor:
        """Return the vectors whose product with ``z_t`` is the weighted two-hop part: all that events change."""
        return queries.source * queries.user * blend["two_hop"]


class ItemSide(NamedTuple):
    """What is known of the items to be ranked: decoder rows (weights) and ``z_t`` (state)."""

    decoder_weights: Mapping[str, Tensor]  # each (n_items, d)
    decoder_biases: Mapping[str, Tensor]  # each (n_items,)
    reached: Tensor  # z_t (n_items, d), from the transitions into each item

    def logits(self, decoder: str, hidden: Tensor) -> Tensor:
        """Return a decoder's output for every item, shape (n_rows, n_items)."""
        return torch.addmm(self.decoder_biases[decoder], hidden, self.decoder_weights[decoder].T)


OBJECTIVES = {"paper": PaperObjective}
