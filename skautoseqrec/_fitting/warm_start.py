"""A warm start: going on from the weights of an earlier fit, items matched by their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._data.vocabulary import Vocabulary
from .._fit_settings import FitSettings
from .._network.heads import HEADS
from .._network.module import AutoSeqRecModule


@dataclass(frozen=True)
class WarmStart:
    """The weights of an earlier fit.

    Parameters
    ----------
    module : AutoSeqRecModule
        The weights.
    item_vocabulary : Vocabulary
        The ids that their rows belong to. Ids beyond the rows were only updated since, and have no weights.
    """

    module: AutoSeqRecModule
    item_vocabulary: Vocabulary

    def check(self, settings: FitSettings, ids: NDArray[Any]) -> None:
        """Refuse a fit that cannot go on from these weights.

        Parameters
        ----------
        settings : FitSettings
            Those of the fit, resolved for its log.
        ids : ndarray
            The items of the log.

        Raises
        ------
        ValueError
            If a setting asks for a network of another shape.
        TypeError
            If the ids are of another kind.
        """
        earlier = {
            "n_components": self.module.encoder_weight.shape[1],
            "activation": self.module.activation,
            "history_encoder": self.module.history_encoder,
        }
        if not HEADS[settings.objective].PARTS:
            raise ValueError(
                f"warm_start=True goes on from the weights of a network, and objective={settings.objective!r} has "
                "none. Set objective back, or warm_start=False to start anew."
            )
        for name, value in earlier.items():
            if getattr(settings, name) != value:
                raise ValueError(
                    f"warm_start=True goes on from the weights of the fit before, which had {name}={value!r}, not "
                    f"{getattr(settings, name)!r}. Set {name} back, or warm_start=False to start anew."
                )
        self.item_vocabulary.check_kind(ids)

    @torch.no_grad()
    def carry_into(self, module: AutoSeqRecModule, ids: NDArray[Any]) -> None:
        """Put the earlier weights into a new module of the items with these ids; the other items keep the new ones."""
        rows = self.item_vocabulary.find(ids, self.module.n_items)
        known = np.flatnonzero(rows >= 0)
        into, out_of = torch.from_numpy(known), torch.from_numpy(rows[known])
        for name, weights in module.item_parts().items():
            for weight, earlier in zip(weights, self.module.item_parts()[name], strict=True):
                weight[into] = earlier[out_of]
        for name, weights in module.shared_parts().items():
            for weight, earlier in zip(weights, self.module.shared_parts()[name], strict=True):
                weight.copy_(earlier)
