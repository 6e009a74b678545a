"""The published model as its authors' code computes it: dense, every matrix encoded anew for every answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from skautoseqrec import AutoSeqRecRecommender, Interactions
from skautoseqrec._scoring.walk_forward import TIE_TOLERANCE

#: Float32 products of different shape differ by about this: scores so close to a tie's edge may fall on either side.
ROUNDING = 4e-6


class DenseModel:
    """The published formula under a recommender's weights, every matrix dense and encoded anew for every answer."""

    def __init__(self, recommender: AutoSeqRecRecommender, fitted: Interactions) -> None:
        self.module, self.blend = recommender.module_, recommender.blend_
        n_users, n_items = len(fitted.user_ids), len(fitted.item_ids)
        # Items that training did not meet: no weights in the encoder, the mean weights in the decoders.
        n_new = n_items - self.module.n_items
        self.encoder_weight = pad(self.module.encoder_weight, (0, 0, 0, n_new))
        self.decoders = {}
        for name, decoder in self.module.decoders.items():
            weight = torch.cat([decoder.weight, decoder.weight.mean(0).expand(n_new, -1)])
            self.decoders[name] = weight, torch.cat([decoder.bias, decoder.bias.mean().expand(n_new)])
        self.user_item = torch.zeros(n_users, n_items)
        self.transitions = torch.zeros(n_items, n_items)
        self.popularity = torch.zeros(n_items)
        self.last: dict[int, int] = {}  # user -> item
        # Codes are given in order of first appearance, as fit gives them, so they are rows of the weights.
        self.user_codes: dict[Any, int] = {}
        self.item_codes: dict[Any, int] = {}
        for user, item in id_pairs(fitted):
            self.let_in(user, item)

    def walk(self, pairs: list[tuple[Any, Any]]) -> NDArray[np.float64]:
        """Return the bounds of each event's reciprocal rank, shape (2, n_events), letting it in afterwards."""
        bounds = []
        for pair in pairs:
            bounds.append(self.reciprocal_rank_bounds(*pair))
            self.let_in(*pair)
        return np.array(bounds).T

    def reciprocal_rank_bounds(self, user_id: Any, item_id: Any) -> tuple[float, float]:
        """Return the least and the greatest reciprocal rank of a user's next item that rounding allows."""
        user, item = self._encode(user_id, item_id)
        eligible = (self.popularity > 0) & (self.user_item[user] == 0)
        if not eligible[item]:
            return 0.0, 0.0
        scores = self.scores(user)
        margins = scores[eligible] - scores[item]
        unit = scores[eligible].abs().max()
        values = []
        for slack in (-ROUNDING, ROUNDING):
            higher = (margins > (TIE_TOLERANCE + slack) * unit).sum().item()
            tied = (margins >= (slack - TIE_TOLERANCE) * unit).sum().item() - higher - 1
            values.append(1 / (1 + higher + tied / 2))
        return values[0], values[1]

    def scores(self, user: int) -> Tensor:
        """Return the score of every item."""
        if user not in self.last:
            return self.popularity
        z_u, z_s, z_t = (
            self.module.activate(rows @ self.encoder_weight)
            for rows in (self.user_item, self.transitions, self.transitions.T)
        )
        z_u, z_s = z_u[user], z_s[self.last[user]]
        (weight_u, bias_u), (weight_s, bias_s) = self.decoders["collaborative"], self.decoders["source"]
        return (
            self.blend["collaborative"] * torch.sigmoid(weight_u @ z_u + bias_u)
            + self.blend["one_hop"] * torch.relu(weight_s @ z_s + bias_s)
            + self.blend["two_hop"] * (z_t @ (z_s * z_u))
        )

    def let_in(self, user_id: Any, item_id: Any) -> None:
        """Add an event to the matrices."""
        user, item = self._encode(user_id, item_id)
        if user in self.last:
            self.transitions[self.last[user], item] += 1
        self.user_item[user, item] += 1
        self.popularity[item] += 1
        self.last[user] = item

    def _encode(self, user_id: Any, item_id: Any) -> tuple[int, int]:
        user = self.user_codes.setdefault(user_id, len(self.user_codes))
        return user, self.item_codes.setdefault(item_id, len(self.item_codes))


def id_pairs(log: Interactions) -> list[tuple[Any, Any]]:
    """Return the user and the item of each event."""
    columns = log.to_columns()
    return list(zip(columns.user_ids.tolist(), columns.item_ids.tolist(), strict=True))
