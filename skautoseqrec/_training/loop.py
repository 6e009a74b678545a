"""The training loop: a generator of epochs."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple

import torch

from .._network.module import DECODERS, AutoSeqRecModule
from .batches import Batch
from .objectives import Objective
from .sampled_steps import RowSteps
from .steps import Steps, TrainingSettings, WholeSteps


class Epoch(NamedTuple):
    """What an epoch of training came to: the mean loss of each decoder's rows, the weights, and its steps."""

    losses: dict[str, float]
    module: AutoSeqRecModule
    n_steps: int


def train(
    module: AutoSeqRecModule,
    objective: Objective,
    epochs: Iterator[Iterable[Batch]],
    settings: TrainingSettings,
    device: torch.device,
) -> Generator[Epoch, None, None]:
    """Train a module, one epoch per step of the generator.

    Parameters
    ----------
    module : AutoSeqRecModule
        On ``device``: where training starts. It may be trained in place; the result is what is yielded.
    objective : Objective
        Passes batches through the network and gives the loss.
    epochs : iterator of iterables of Batch
        The batches of each epoch.
    settings : TrainingSettings
        Rates, and whether the softmax runs over all items.
    device : torch.device
        Where to compute.

    Yields
    ------
    epoch : Epoch
        Its losses, and the weights after it; the next epoch changes them.
    """
    kind: type[Steps] = WholeSteps if settings.n_negatives is None else RowSteps
    steps = kind(module, objective, settings)
    for batches in epochs:
        module.train()
        # On the device: reading every loss would wait for every step.
        sums = {decoder: torch.zeros((), dtype=torch.float64, device=device) for decoder in DECODERS}
        n_rows, n_steps = dict.fromkeys(DECODERS, 0), 0
        for batch in (drawn.to(device) for drawn in batches):
            # Not one of torch's global switches: other threads answer meanwhile, in float32.
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == torch.bfloat16):
                taken = steps.take(batch)
            sums[batch.decoder] += taken * len(batch.inputs)
            n_rows[batch.decoder] += len(batch.inputs)
            n_steps += 1
        module.eval()
        losses = {decoder: float(sums[decoder]) / n_rows[decoder] for decoder in DECODERS if n_rows[decoder]}
        for decoder, loss in losses.items():
            if not math.isfinite(loss):
                raise ValueError(f"Training diverged: the {decoder} loss is {loss}. Lower learning_rate.")
        yield Epoch(losses, steps.averaged(), n_steps)
