"""A step of training: a batch passes through the network, and the weights that it met follow the gradient."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .._network.module import AutoSeqRecModule
from .batches import Batch
from .objectives import Objective


@dataclass(frozen=True)
class TrainingSettings:
    """The estimator's parameters of the same names, those by part as mappings, and what is multiplied in."""

    learning_rate: Mapping[str, float]
    dropout: Mapping[str, float]
    weight_decay: float
    weight_averaging: float
    n_negatives: int | None
    precision: torch.dtype = torch.float32


class Steps(ABC):
    """The steps of one training.

    Parameters
    ----------
    module : AutoSeqRecModule
        Where training starts; it may be trained in place.
    objective : Objective
        Passes batches through the network and gives the loss.
    settings : TrainingSettings
        Rates.
    """

    def __init__(self, module: AutoSeqRecModule, objective: Objective, settings: TrainingSettings) -> None:
        self.module = module
        self.objective = objective
        self.settings = settings
        #: The moving average of the weights, or the module itself where there is none.
        self.average = module if settings.weight_averaging == 0 else copy.deepcopy(module).eval()

    @abstractmethod
    def take(self, batch: Batch) -> Tensor:
        """Train on a batch and return its loss."""

    def averaged(self) -> AutoSeqRecModule:
        """Return the average of the weights as it is now; the next step changes it."""
        return self.average


class WholeSteps(Steps):
    """Steps of all weights of the encoder and of the batch's decoder, by AdamW."""

    def __init__(self, module: AutoSeqRecModule, objective: Objective, settings: TrainingSettings) -> None:
        super().__init__(module, objective, settings)
        self._optimizers = {name: adam_w(part, name, settings) for name, part in module.parts().items()}
        self._following = WeightAverage(module.parts(), self.average.parts(), settings.weight_averaging)

    def take(self, batch: Batch) -> Tensor:
        """Train on a batch and return its loss."""
        weights = self.module.weights(batch.decoder)
        loss = self.objective.loss(self.objective.logits(self.module, weights, batch, self.settings.dropout), batch)
        loss.backward()
        for name in ("encoder", batch.decoder):
            self._optimizers[name].step()
            self._optimizers[name].zero_grad()
            self._following.follow(name)
        return loss.detach()


class WeightAverage:
    """Moving averages that follow weights in training.

    Parameters
    ----------
    trained, averaged : dict of lists of Parameter
        Weights by part, and their averages.
    decay : float
        What an average keeps of itself in a step; with 0 nothing is averaged.
    """

    def __init__(
        self, trained: dict[str, list[nn.Parameter]], averaged: dict[str, list[nn.Parameter]], decay: float
    ) -> None:
        self._trained, self._averaged, self._decay = trained, averaged, decay
        self._n_steps = dict.fromkeys(trained, 0)

    @torch.no_grad()
    def follow(self, part: str) -> None:
        """Take in one step of a part."""
        if self._decay:
            self._n_steps[part] += 1
            decay = averaging_decay(self._decay, self._n_steps[part])
            for averaged, trained in zip(self._averaged[part], self._trained[part], strict=True):
                averaged.lerp_(trained, 1 - decay)


def averaging_decay(decay: float, n_steps: int) -> float:
    """Return what the average keeps of itself in the n-th step: ``(1 + n) / (5 + n)`` at most, early steps fade."""
    return min(decay, (1 + n_steps) / (5 + n_steps))


def adam_w(weights: list[nn.Parameter], part: str, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Return AdamW for weights of a part, of which only matrices shrink.

    Biases have nothing to gain from it, and decays learned as logits would forget: at .3 none could stay above .97.
    """
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [weight for weight in weights if weight.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate[part], fused=True)
