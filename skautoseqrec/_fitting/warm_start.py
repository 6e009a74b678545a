"""Going on from the weights of an earlier fit: items are matched by their ids."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .._data.vocabulary import Vocabulary
from .._network.module import AutoSeqRecModule


class Trained(NamedTuple):
    """Weights of an earlier fit, and the ids that their rows belong to: the first of a vocabulary."""

    module: AutoSeqRecModule
    items: Vocabulary

    @property
    def history_encoder(self) -> str:
        """How the weights encode histories."""
        return "shared" if self.module.history is None else "residual"

    def require_same(self, parameters: dict[str, Any]) -> None:
        """Raise ValueError if a parameter asks for a network of another shape.

        Parameters
        ----------
        parameters : dict
            The estimator's, ``history_encoder`` resolved.
        """
        earlier = {
            "n_components": self.module.encoder_weight.shape[1],
            "activation": self.module.activation,
            "history_encoder": self.history_encoder,
        }
        for name, value in earlier.items():
            if parameters[name] != value:
                raise ValueError(
                    f"warm_start=True goes on from the weights of the fit before, which had {name}={value!r}, not "
                    f"{parameters[name]!r}. Set {name} back, or warm_start=False to start anew."
                )

    def start(self, items: Vocabulary) -> WarmStart:
        """Return where the training of a log with these items starts."""
        ids = items.ids()
        self.items.check_kind(ids)
        rows = self.items.find(ids)
        # What was only updated since has no weights.
        rows[rows >= self.module.n_items] = -1
        return WarmStart(self.module, rows)


class WarmStart(NamedTuple):
    """Earlier weights, and the row that each item of a log has in them, -1 where it has none."""

    module: AutoSeqRecModule
    rows: NDArray[np.int64]

    @torch.no_grad()
    def carry_into(self, module: AutoSeqRecModule) -> None:
        """Put the earlier weights into a new module of the log's first items; items without any keep the new ones."""
        rows = self.rows[: module.n_items]
        known = np.flatnonzero(rows >= 0)
        into, out_of = torch.from_numpy(known), torch.from_numpy(rows[known])
        for name, weights in module.item_parts().items():
            for weight, earlier in zip(weights, self.module.item_parts()[name], strict=True):
                weight[into] = earlier[out_of]
        for name, weights in module.shared_parts().items():
            for weight, earlier in zip(weights, self.module.shared_parts()[name], strict=True):
                weight.copy_(earlier)
