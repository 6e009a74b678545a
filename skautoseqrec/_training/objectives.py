"""Objectives, the training half: what is minimised, and on which rows.

An objective says where the weights start (``initialise``), which rows each decoder learns (``draw_epochs``), what is
dropped of a batch (``drop``), how it passes through the network (``logits``) and what is minimised (``loss``). Its
scoring half, the heads, stands in ``_network/heads.py``: answering needs no training code.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .._counts.counts import Counts
from .._counts.settings import SequenceSettings
from .._counts.transitions import TRANSITION_UNIT
from .._network.functions import SoftmaxCrossEntropy
from .._network.heads import Heads, MultinomialHeads, PaperHeads
from .._network.inputs import SparseRows, gather_rows
from .._network.module import DECODERS, AutoSeqRecModule, Weights
from .batches import Batch, Snapshots, WholeRows, drawn_share, shuffled, shuffled_slices


class Objective(ABC):
    """What every objective has to say."""

    #: The scoring half.
    HEADS: ClassVar[type[Heads]]

    @abstractmethod
    def initialise(self, module: AutoSeqRecModule) -> None:
        """Draw the starting weights."""

    @abstractmethod
    def draw_epochs(
        self,
        counts: Counts,
        settings: SequenceSettings,
        batch_size: int,
        sequence_length: int | None = None,
        exclude_seen: bool = False,
    ) -> Iterator[Iterable[Batch]]:
        """Yield the batches of one epoch after the other, without end.

        ``exclude_seen`` says whether items that a user has seen are never recommended.
        """

    def drop(self, batch: Batch, dropout: Mapping[str, float]) -> Batch:
        """Return a batch as it is trained on: some entries of its inputs dropped, where the objective drops them."""
        return batch

    @abstractmethod
    def logits(self, module: AutoSeqRecModule, weights: Weights, batch: Batch, dropout: Mapping[str, float]) -> Tensor:
        """Return a decoder's output for the inputs of a batch, with the dropout inside the network."""

    @abstractmethod
    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean loss of the rows of a batch."""


class PaperObjective(Objective):
    """The published model: squared reconstruction error through nonlinear heads (paper, sections 3.2 to 3.4)."""

    HEADS = PaperHeads

    def initialise(self, module: AutoSeqRecModule) -> None:
        """Draw the encoder's weights as torch draws those of a linear layer; the decoders already are such layers."""
        bound = 1 / math.sqrt(module.n_items)
        nn.init.uniform_(module.encoder_weight, -bound, bound)
        nn.init.uniform_(module.encoder_bias, -bound, bound)

    def draw_epochs(
        self,
        counts: Counts,
        settings: SequenceSettings,
        batch_size: int,
        sequence_length: int | None = None,
        exclude_seen: bool = False,
    ) -> Iterator[Iterable[Batch]]:
        """Yield rows of R, T and T transposed, drawn and shuffled once for all epochs, as the authors' code does."""
        transitions = (counts.transitions / TRANSITION_UNIT).tocsr()
        matrices = {"collaborative": counts.user_item(), "source": transitions, "target": transitions.T.tocsr()}
        batches = []
        for decoder, matrix in matrices.items():
            for rows in shuffled_slices(np.arange(matrix.shape[0]), batch_size):
                gathered = gather_rows(matrix, rows)
                batches.append(Batch(decoder, gathered, gathered))
        batches = shuffled(batches)
        while True:
            yield batches

    def logits(self, module: AutoSeqRecModule, weights: Weights, batch: Batch, dropout: Mapping[str, float]) -> Tensor:
        """Drop after the encoder's and after the decoder's linear map, before their activations."""
        assert isinstance(batch.inputs, SparseRows)
        hidden = module.activate(batch.inputs.project(weights.encoder), dropout["encoder"])
        linear = functional.linear(hidden, weights.decoder, weights.bias).float()
        return functional.dropout(linear, dropout[batch.decoder], module.training)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error of the reconstructed rows."""
        return functional.mse_loss(PaperHeads.OUTPUTS[batch.decoder](logits), batch.targets.to_dense(logits.shape[1]))


class MultinomialObjective(Objective):
    """Softmax cross-entropy through linear heads, unit inputs, and a history that stands before each event."""

    HEADS = MultinomialHeads
    #: An epoch shows so many events for each item, with what stood before them, ...
    SNAPSHOTS_PER_ITEM = 16
    #: ... every row of both transition matrices so often, and for each item so many whole histories. Snapshots alone
    #: bend the encoder to what comes next, and the two-hop part, which compares what it encodes, suffers.
    TRANSITION_PASSES, HISTORIES_PER_ITEM = 4, 4
    #: An epoch of a large log is a sample of all that: training should be looked at more often than every 10,000 steps.
    ROWS_PER_EPOCH = 2**18

    def initialise(self, module: AutoSeqRecModule) -> None:
        """Draw Xavier-normal weights and zero biases."""
        nn.init.xavier_normal_(module.encoder_weight)
        nn.init.zeros_(module.encoder_bias)
        for name in DECODERS:
            nn.init.xavier_normal_(module.decoder(name).weight)
            nn.init.zeros_(module.decoder(name).bias)

    def draw_epochs(
        self,
        counts: Counts,
        settings: SequenceSettings,
        batch_size: int,
        sequence_length: int | None = None,
        exclude_seen: bool = False,
    ) -> Iterator[Iterable[Batch]]:
        """Yield rows of T, of T transposed and of R, and a sample of the events, shuffled anew each epoch."""
        transitions = [WholeRows("source", counts.transitions), WholeRows("target", counts.transitions.T.tocsr())]
        histories = WholeRows("collaborative", counts.user_item())
        snapshots = Snapshots(counts, settings, sequence_length, exclude_seen)

        n_histories = self.HISTORIES_PER_ITEM * counts.n_items
        n_snapshots = min(self.SNAPSHOTS_PER_ITEM * counts.n_items, len(snapshots.events))
        n_transitions = self.TRANSITION_PASSES * sum(len(matrix.rows) for matrix in transitions)
        share = min(1.0, self.ROWS_PER_EPOCH / (n_histories + n_snapshots + n_transitions))

        def draw_rows() -> Iterator[tuple[Callable[[NDArray[np.int64]], Batch], NDArray[np.int64]]]:
            users = histories.rows[torch.randint(len(histories.rows), (math.ceil(share * n_histories),)).numpy()]
            for matrix in transitions:
                yield matrix.batch, drawn_share(np.tile(matrix.rows, self.TRANSITION_PASSES), share)
            yield histories.batch, users
            events = snapshots.draw(math.ceil(share * n_snapshots))
            yield partial(snapshots.batch, target_rates=snapshots.target_rates(events)), events

        while True:
            draws = [(form, chosen) for form, rows in draw_rows() for chosen in shuffled_slices(rows, batch_size)]
            # Formed one at a time: together they would be many times the log.
            yield (form(chosen) for form, chosen in shuffled(draws))

    def drop(self, batch: Batch, dropout: Mapping[str, float]) -> Batch:
        """Return the batch with some entries of its inputs dropped; what is dropped need not be read."""
        return batch._replace(inputs=batch.inputs.drop(dropout["encoder"]))

    def logits(self, module: AutoSeqRecModule, weights: Weights, batch: Batch, dropout: Mapping[str, float]) -> Tensor:
        """Return the logits; nothing is dropped inside the network."""
        return functional.linear(module.encode(batch.inputs, weights.encoder), weights.decoder, weights.bias).float()

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the rows against their targets' shares, among what they may say."""
        targets, denied = batch.targets, batch.denied
        if denied is not None:
            # Behind the back of autograd: what the softmax gives nothing gets no gradient either.
            logits.detach()[denied.rows, denied.items] = -torch.inf
        loss = SoftmaxCrossEntropy.apply(logits, targets.row_of_entry, targets.items, targets.values, batch.shares)
        return cast(Tensor, loss)


#: The objectives by name.
OBJECTIVES: dict[str, type[Objective]] = {
    objective.HEADS.NAME: objective for objective in (MultinomialObjective, PaperObjective)
}
