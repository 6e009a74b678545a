"""The training loop: a generator of one loss per decoder and epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import nn

from ._batches import Batch
from ._module import DECODERS, AutoSeqRecModule
from ._objective import Objective


def train(
    module: AutoSeqRecModule,
    objective: Objective,
    epochs: Iterator[list[Batch]],
    *,
    learning_rate: Mapping[str, float],
    dropout: Mapping[str, float],
    device: torch.device,
) -> Iterator[dict[str, float]]:
    """Train a module in place, one epoch per step of the generator.

    Parameters
    ----------
    module : AutoSeqRecModule
        On ``device``.
    objective : Objective
        Passes batches through the network and gives the loss.
    epochs : iterator of lists of Batch
        The batches of each epoch.
    learning_rate, dropout : mapping
        One value for the encoder and one for each decoder.
    device : torch.device
        Where to compute.

    Yields
    ------
    losses : dict
        Mean loss of the epoch per decoder.
    """
    optimizers = {name: torch.optim.Adam(part, lr=learning_rate[name]) for name, part in _parts(module).items()}
    for batches in epochs:
        module.train()
        sums, n_rows = dict.fromkeys(DECODERS, 0.0), dict.fromkeys(DECODERS, 0)
        for batch in batches:
            loss = objective.loss(objective.logits(module, batch.to(device), dropout), batch.to(device))
            loss.backward()
            for name in ("encoder", batch.decoder):
                optimizers[name].step()
                optimizers[name].zero_grad()
            sums[batch.decoder] += loss.item() * len(batch.inputs)
            n_rows[batch.decoder] += len(batch.inputs)
        module.eval()
        for decoder, total in sums.items():
            if not math.isfinite(total):
                raise ValueError(f"Training diverged: the {decoder} loss is {total}. Lower learning_rate.")
        yield {decoder: sums[decoder] / n_rows[decoder] for decoder in DECODERS if n_rows[decoder]}


def _parts(module: AutoSeqRecModule) -> dict[str, list[nn.Parameter]]:
    parts = {name: list(decoder.parameters()) for name, decoder in module.decoders.items()}
    return {"encoder": [module.encoder_weight, module.encoder_bias], **parts}
