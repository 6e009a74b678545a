"""A deeper encoder and deeper decoders, which are no parameters of the package: they are put in place for a study only.

A network of depth 1 is the package's own: one layer encodes rows, and one layer decodes what is encoded. A deeper
encoder goes on with layers of the same width, each a linear map and the encoder's activation. A deeper decoder has such
layers before its last one. What two hops compare are the encoded rows, which no decoder has seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skautoseqrec._fitting import learner
from skautoseqrec._network.heads import HEADS, MultinomialHeads, PaperHeads
from skautoseqrec._network.inputs import SparseRows
from skautoseqrec._network.module import ACTIVATIONS, DECODERS, AutoSeqRecModule, Weights
from skautoseqrec._network.vectors import QueryVectors
from skautoseqrec._training.batches import Batch
from skautoseqrec._training.objectives import OBJECTIVES, MultinomialObjective, PaperObjective


class DeeperModule(AutoSeqRecModule):
    """The network with more layers.

    Parameters
    ----------
    *arguments
        Those of the usual network.
    encoder_depth, decoder_depth : int
        Layers of the encoder and of each decoder; with 1 they are as usual.
    """

    def __init__(self, *arguments: Any, encoder_depth: int, decoder_depth: int) -> None:
        super().__init__(*arguments)
        n_components = self.encoder_weight.shape[1]
        self.encoder_layers = hidden_layers(encoder_depth - 1, n_components)
        self.decoder_layers = nn.ModuleDict({name: hidden_layers(decoder_depth - 1, n_components) for name in DECODERS})

    def shared_parts(self) -> dict[str, list[nn.Parameter]]:
        """Return the weights that all items share, by part."""
        added = {"encoder": self.encoder_layers, **self.decoder_layers}
        return {name: [*weights, *added[name].parameters()] for name, weights in super().shared_parts().items()}

    def activate(self, projections: Tensor, dropout: float = 0.0) -> Tensor:
        """Return the output of the last layer of the encoder, given what the first multiplied; each layer drops."""
        return self.pass_through(self.encoder_layers, super().activate(projections, dropout), dropout)

    def activate_array(self, projections: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what :meth:`activate` does for a few rows of an array."""
        return self.activate(torch.from_numpy(projections)).numpy()

    def before_last(self, decoder: str, hidden: Tensor, dropout: float = 0.0) -> Tensor:
        """Return what the last layer of a decoder is given, for encoded rows."""
        return self.pass_through(cast(nn.ModuleList, self.decoder_layers[decoder]), hidden, dropout)

    def pass_through(self, layers: nn.ModuleList, hidden: Tensor, dropout: float) -> Tensor:
        """Return the output of the last of some layers; dropout comes before each activation."""
        for layer in layers:
            hidden = ACTIVATIONS[self.activation](functional.dropout(layer(hidden), dropout, self.training))
        return hidden


def hidden_layers(n_layers: int, n_components: int) -> nn.ModuleList:
    """Return linear layers that start as those before a relu should (He et al., 2015)."""
    layers = nn.ModuleList(nn.Linear(n_components, n_components) for _ in range(n_layers))
    for layer in layers:
        nn.init.kaiming_normal_(cast(nn.Linear, layer).weight, nonlinearity="relu")
        nn.init.zeros_(cast(nn.Linear, layer).bias)
    return layers


class DeeperQueries:
    """Heads whose decoders are deeper: their hidden layers turn encoded queries into what items are multiplied with."""

    def queries(self, module: AutoSeqRecModule, row: Tensor, history: Tensor, source: Tensor) -> QueryVectors:
        """Return the queries of the neural parts."""
        usual, deeper = super().queries(module, row, history, source), cast(DeeperModule, module)  # type: ignore[misc]
        return cast(QueryVectors, usual)._replace(
            one_hop=deeper.before_last("source", source), collaborative=deeper.before_last("collaborative", history)
        )


class DeeperPaperHeads(DeeperQueries, PaperHeads):
    """Heads of the published model with deeper decoders."""


class DeeperMultinomialHeads(DeeperQueries, MultinomialHeads):
    """Linear heads behind deeper decoders."""


class DeeperPaper(PaperObjective):
    """The published objective with deeper decoders."""

    HEADS = DeeperPaperHeads

    def logits(self, module: AutoSeqRecModule, weights: Weights, batch: Batch, dropout: Mapping[str, float]) -> Tensor:
        """Drop after every linear map, before its activation."""
        dropped = dropout[batch.decoder]
        encoded = module.activate(cast(SparseRows, batch.inputs).project(weights.encoder), dropout["encoder"])
        hidden = cast(DeeperModule, module).before_last(batch.decoder, encoded, dropped)
        linear = functional.linear(hidden, weights.decoder, weights.bias).float()
        return functional.dropout(linear, dropped, module.training)


class DeeperMultinomial(MultinomialObjective):
    """The usual objective with deeper decoders."""

    HEADS = DeeperMultinomialHeads

    def logits(self, module: AutoSeqRecModule, weights: Weights, batch: Batch, dropout: Mapping[str, float]) -> Tensor:
        """Return the logits."""
        encoded = module.encode(batch.inputs, weights.encoder)
        hidden = cast(DeeperModule, module).before_last(batch.decoder, encoded)
        return functional.linear(hidden, weights.decoder, weights.bias).float()


@contextmanager
def depth(encoder_depth: int, decoder_depth: int) -> Iterator[None]:
    """Have an encoder and decoders of some depth, whatever the objective."""
    module = partial(DeeperModule, encoder_depth=encoder_depth, decoder_depth=decoder_depth)
    deeper = {objective.HEADS.NAME: objective for objective in (DeeperPaper, DeeperMultinomial)}
    heads = {name: objective.HEADS for name, objective in deeper.items()}
    with patch.object(learner, "AutoSeqRecModule", module), patch.dict(OBJECTIVES, deeper), patch.dict(HEADS, heads):
        yield
