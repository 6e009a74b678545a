"""The network: one encoder and three decoders over sparse rows of items. Nothing here knows of data or training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional

from .history_encoder import HistoryEncoder
from .inputs import ItemSequences, SparseRows
from .residual_encoder import ResidualEncoder

#: The decoders, named as the keys of ``learning_rate`` and ``dropout``: the user's history, T and T transposed.
DECODERS = ("collaborative", "source", "target")
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda values: values,
    "logistic": torch.sigmoid,
    "relu": torch.relu,
    "tanh": torch.tanh,
}
#: The same of arrays: a call of torch takes as long as several of numpy do.
ARRAY_ACTIVATIONS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "identity": lambda values: values,
    "logistic": expit,
    "relu": lambda values: np.maximum(values, np.float32(0.0)),
    "tanh": np.tanh,
}
#: What encodes histories in its own way, by the name that the estimator's ``history_encoder`` has for it.
HISTORY_ENCODERS: dict[str, type[HistoryEncoder]] = {encoder.NAME: encoder for encoder in (ResidualEncoder,)}
#: The name of encoding a history like any other row.
SHARED = "shared"


class Weights(NamedTuple):
    """The weights that some rows meet: all of the encoder and of one decoder, or those of some items only."""

    encoder: Tensor  # (n_input_items, d)
    decoder: Tensor  # (n_output_items, d)
    bias: Tensor  # (n_output_items,)


class AutoSeqRecModule(nn.Module):
    """One shared encoder and a decoder for each of the three matrices (paper, section 3.2).

    Parameters
    ----------
    n_items : int
        Number of items n.
    n_components : int
        Size d of the hidden representation.
    activation : {"identity", "logistic", "relu", "tanh"}
        Activation of the encoder.
    history : HistoryEncoder or None, default=None
        What encodes histories for the collaborative decoder; None encodes them like any row ("shared").
    """

    def __init__(self, n_items: int, n_components: int, activation: str, history: HistoryEncoder | None = None) -> None:
        super().__init__()
        self.activation = activation
        # Row i is the encoder's weight of item i: a sparse row is encoded by adding up the rows of its items.
        self.encoder_weight = nn.Parameter(torch.empty(n_items, n_components, dtype=torch.float32))
        self.encoder_bias = nn.Parameter(torch.empty(n_components, dtype=torch.float32))
        self.decoders = nn.ModuleDict({name: Decoder(n_components, n_items, dtype=torch.float32) for name in DECODERS})
        self.history = history

    def decoder(self, name: str) -> nn.Linear:
        """Return one of the three decoders."""
        return cast(nn.Linear, self.decoders[name])

    @property
    def n_items(self) -> int:
        """Number of items that have weights."""
        return self.encoder_weight.shape[0]

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Return the weights that are stepped together: the encoder's, and those of each decoder."""
        shared = self.shared_parts()
        return {name: weights + shared[name] for name, weights in self.item_parts().items()}

    def item_parts(self) -> dict[str, list[nn.Parameter]]:
        """Return the weights that have a row per item, by part."""
        decoders = {name: list(decoder.parameters()) for name, decoder in self.decoders.items()}
        return {"encoder": [self.encoder_weight], **decoders}

    def shared_parts(self) -> dict[str, list[nn.Parameter]]:
        """Return the weights that all items share, by part."""
        of_history = [] if self.history is None else list(self.history.parameters())
        return {"encoder": [self.encoder_bias], "collaborative": of_history, "source": [], "target": []}

    def of_items(self, items: Tensor) -> AutoSeqRecModule:
        """Return a copy with the weights of some of the items, which stand in the given order."""
        smaller = copy.deepcopy(self)
        smaller.encoder_weight = nn.Parameter(self.encoder_weight[items], self.encoder_weight.requires_grad)
        for name in DECODERS:
            decoder = smaller.decoder(name)
            for of_decoder, weight in dict(decoder.named_parameters()).items():
                setattr(decoder, of_decoder, nn.Parameter(weight[items], weight.requires_grad))
            decoder.out_features = len(items)
        return smaller

    def weights(self, decoder: str) -> Weights:
        """Return the encoder's weights and those of one decoder."""
        return Weights(self.encoder_weight, self.decoder(decoder).weight, self.decoder(decoder).bias)

    @property
    def history_encoder(self) -> str:
        """The name of what encodes histories."""
        return SHARED if self.history is None else self.history.NAME

    def encode(self, inputs: SparseRows | ItemSequences, weight: Tensor) -> Tensor:
        """Return encoded inputs of a training batch, given the encoder's weight of every item that they name."""
        if isinstance(inputs, ItemSequences):
            return cast(Tensor, cast(HistoryEncoder, self.history)(inputs, weight))
        return self.activate(inputs.project(weight))

    def activate(self, projections: Tensor, dropout: float = 0.0) -> Tensor:
        """Return ``f`` of rows already multiplied by the encoder's weight; dropout comes before the activation."""
        linear = projections + self.encoder_bias
        if dropout:
            linear = functional.dropout(linear, dropout, self.training)
        return ACTIVATIONS[self.activation](linear)

    def activate_array(self, projections: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what :meth:`activate` does for a few rows of an array, in fewer calls; they are overwritten."""
        projections += self.encoder_bias.numpy()
        return ARRAY_ACTIVATIONS[self.activation](projections)


class Decoder(nn.Linear):
    """A linear map that starts as torch's does, and at zero where there are no components, of which torch warns."""

    def reset_parameters(self) -> None:
        """Draw the starting weights."""
        if self.in_features:
            super().reset_parameters()
        else:
            nn.init.zeros_(self.bias)


def make_history_encoder(name: str, n_components: int, dropout: float) -> HistoryEncoder | None:
    """Return a history encoder with starting weights (torch's random state), None for "shared"."""
    return None if name == SHARED else HISTORY_ENCODERS[name](n_components, dropout)
