"""A step of training: a batch passes through the network, and the weights that it met follow the gradient."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from .._network.module import AutoSeqRecModule
from .batches import Batch
from .objectives import Objective

#: AdamW's: what the means of gradients and of their squares keep of themselves in a step, and what a step is divided by
#: at least.
BETAS, EPSILON = (0.9, 0.999), 1e-8


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

    def take(self, batch: Batch) -> Tensor:
        """Train on a batch and return its loss."""
        return self._take(self.objective.drop(batch, self.settings.dropout))

    @abstractmethod
    def _take(self, batch: Batch) -> Tensor:
        """Train on a batch of which something may be dropped, and return its loss."""

    def averaged(self) -> AutoSeqRecModule:
        """Return the average of the weights as it is now; the next step changes it."""
        return self.average


class WholeSteps(Steps):
    """Steps of all weights of the encoder and of the batch's decoder, by AdamW."""

    def __init__(self, module: AutoSeqRecModule, objective: Objective, settings: TrainingSettings) -> None:
        super().__init__(module, objective, settings)
        self._optimizers = {name: AdamW(part, name, settings) for name, part in module.parts().items()}
        self._following = WeightAverage(module.parts(), self.average.parts(), settings.weight_averaging)

    def _take(self, batch: Batch) -> Tensor:
        """Train on a batch and return its loss."""
        weights = self.module.weights(batch.decoder)
        loss = self.objective.loss(self.objective.logits(self.module, weights, batch, self.settings.dropout), batch)
        loss.backward()
        for name in ("encoder", batch.decoder):
            self._optimizers[name].step()
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


class Moving(NamedTuple):
    """A weight, the means of its gradient and of its square, and how many steps made them."""

    weight: Tensor
    mean: Tensor
    square: Tensor
    n_steps: Tensor

    @classmethod
    def of(cls, weight: Tensor) -> Moving:
        """Return a weight that has not moved yet."""
        n_steps = torch.zeros((), dtype=torch.float32, device=weight.device)
        return cls(weight, torch.zeros_like(weight), torch.zeros_like(weight), n_steps)


class AdamW:
    """AdamW on the weights of a part, of which only matrices shrink.

    Biases have nothing to gain from it. Decays learned as logits would forget: with a weight decay of .3 none could
    stay above .97.
    The steps are torch's function. An object of torch's class imports its compiler: 65 MB, and longer than small fits.

    Parameters
    ----------
    weights : list of Parameter
        What is trained; what has no gradient in a step rests.
    part : str
        Whose learning rate it is.
    settings : TrainingSettings
        The rates.
    """

    def __init__(self, weights: list[nn.Parameter], part: str, settings: TrainingSettings) -> None:
        self._learning_rate = settings.learning_rate[part]
        self._groups = [
            ([Moving.of(weight) for weight in weights if weight.ndim > 1], settings.weight_decay),
            ([Moving.of(weight) for weight in weights if weight.ndim == 1], 0.0),
        ]

    @torch.no_grad()
    def step(self) -> None:
        """Let the weights follow their gradients, which are gone then."""
        for group, weight_decay in self._groups:
            moving = [each for each in group if each.weight.grad is not None]
            if not moving:
                continue
            weights, means, squares, n_steps = map(list, zip(*moving, strict=True))
            adamw(
                weights,
                [cast(Tensor, weight.grad) for weight in weights],
                means,
                squares,
                [],
                n_steps,
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=self._learning_rate,
                weight_decay=weight_decay,
                eps=EPSILON,
                maximize=False,
            )
            for weight in weights:
                weight.grad = None
