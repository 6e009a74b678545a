"""The training loop: a generator of epochs."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from ._batches import Batch
from ._module import DECODERS, AutoSeqRecModule
from ._objective import Objective


class Epoch(NamedTuple):
    """What an epoch of training came to: the mean loss of each decoder's rows, and the weights."""

    losses: dict[str, float]
    module: AutoSeqRecModule


class WeightAverage:
    """The moving average of a module's weights over the steps of training.

    Early steps count less: after t steps of a part the decay is at most ``(1 + t) / (10 + t)``.

    Parameters
    ----------
    module : AutoSeqRecModule
        The module in training.
    decay : float
        What an average keeps of itself in a step; with 0 it is the module itself.
    """

    def __init__(self, module: AutoSeqRecModule, decay: float) -> None:
        self._decay = decay
        self.module = module if decay == 0 else copy.deepcopy(module).eval()
        self._trained, self._averaged = module.parts(), self.module.parts()
        self._n_steps = dict.fromkeys(self._trained, 0)

    @torch.no_grad()
    def follow(self, part: str) -> None:
        """Take in one step of a part."""
        if self._decay:
            n_steps = self._n_steps[part] = self._n_steps[part] + 1
            decay = min(self._decay, (1 + n_steps) / (10 + n_steps))
            for averaged, trained in zip(self._averaged[part], self._trained[part], strict=True):
                averaged.lerp_(trained, 1 - decay)


def train(
    module: AutoSeqRecModule,
    objective: Objective,
    epochs: Iterator[Iterable[Batch]],
    *,
    learning_rate: Mapping[str, float],
    dropout: Mapping[str, float],
    weight_decay: float,
    weight_averaging: float,
    device: torch.device,
) -> Iterator[Epoch]:
    """Train a module, one epoch per step of the generator.

    Parameters
    ----------
    module : AutoSeqRecModule
        On ``device``; it is trained in place.
    objective : Objective
        Passes batches through the network and gives the loss.
    epochs : iterator of iterables of Batch
        The batches of each epoch.
    learning_rate, dropout : mapping
        One value for the encoder and one for each decoder.
    weight_decay : float
        By how much matrices of weights shrink in a step, in units of the learning rate (AdamW).
    weight_averaging : float
        Decay of the moving average over steps that is yielded in place of the newest weights; 0 for those.
    device : torch.device
        Where to compute.

    Yields
    ------
    epoch : Epoch
        Its losses, and the weights after it; the next epoch changes them.
    """
    parts = module.parts()
    optimizers = {
        name: torch.optim.AdamW(_decay_groups(part, weight_decay), lr=learning_rate[name], fused=True)
        for name, part in parts.items()
    }
    average = WeightAverage(module, weight_averaging)
    for batches in epochs:
        module.train()
        sums, n_rows = dict.fromkeys(DECODERS, 0.0), dict.fromkeys(DECODERS, 0)
        for batch in (drawn.to(device) for drawn in batches):
            loss = objective.loss(objective.logits(module, batch, dropout), batch)
            loss.backward()
            for name in ("encoder", batch.decoder):
                optimizers[name].step()
                optimizers[name].zero_grad()
                average.follow(name)
            sums[batch.decoder] += loss.item() * len(batch.inputs)
            n_rows[batch.decoder] += len(batch.inputs)
        module.eval()
        for decoder, total in sums.items():
            if not math.isfinite(total):
                raise ValueError(f"Training diverged: the {decoder} loss is {total}. Lower learning_rate.")
        losses = {decoder: sums[decoder] / n_rows[decoder] for decoder in DECODERS if n_rows[decoder]}
        yield Epoch(losses, average.module)


def _decay_groups(part: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters of a part as groups for AdamW: only matrices shrink.

    Biases have nothing to gain from it, and decays learned as logits would forget: at .3 none could stay above .97.
    """
    return [
        {"params": [weight for weight in part if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in part if weight.ndim == 1], "weight_decay": 0.0},
    ]
