"""The objective: all that tells one published or improved model from another, each aspect in one place.

An objective says where the weights start (``initialise``), which rows each decoder learns (``draw_epochs``), how a
batch passes through the network (``logits``), what is minimised (``loss``), how a projected row is encoded
(``encode``, ``reach``), and what the neural parts of a score are (``parts``, ``score``, ``two_hop_queries``). Module,
training loop, state, replay and estimator know none of this.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .._counts.counts import TRANSITION_UNIT, Counts
from .._counts.settings import SequenceSettings
from .._network.functions import SoftmaxCrossEntropy
from .._network.heads import BIASED_PARTS, NEURAL_PARTS, Hidden, ItemSide
from .._network.inputs import SparseRows, gather_rows
from .._network.module import DECODERS, AutoSeqRecModule, Weights
from .._utils.devices import CPU
from .batches import Batch, Snapshots, WholeRows, drawn_share, shuffled, shuffled_slices


class Objective(ABC):
    """What every objective has to say."""

    #: Weights of the parts of a score where none are given or fitted.
    BLEND: Mapping[str, float]
    #: Parts that no fitted blend weighs.
    LEFT_OUT: frozenset[str] = frozenset()

    @abstractmethod
    def initialise(self, module: AutoSeqRecModule) -> None:
        """Draw the starting weights."""

    @abstractmethod
    def draw_epochs(
        self, counts: Counts, settings: SequenceSettings, batch_size: int, in_sequence: bool = False
    ) -> Iterator[Iterable[Batch]]:
        """Yield the batches of one epoch after the other, without end."""

    @abstractmethod
    def logits(self, module: AutoSeqRecModule, weights: Weights, batch: Batch, dropout: Mapping[str, float]) -> Tensor:
        """Return a decoder's output for the inputs of a batch, with dropout."""

    @abstractmethod
    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean loss of the rows of a batch."""

    @abstractmethod
    def encode(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return the hidden representation of rows given as their projections and squared norms."""

    @abstractmethod
    def parts(self, hidden: Hidden, items: ItemSide) -> dict[str, Tensor]:
        """Return each neural part of the score, shape (n_rows, n_items)."""

    @abstractmethod
    def two_hop_queries(self, history_row: Tensor, source: Tensor) -> Tensor:
        """Return what meets what reaches an item, given the encoded history rows and transitions out of last items."""

    def reach(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return what two hops arrive at, given the transitions into items as projections and squared norms."""
        return self.encode(module, projections, squared_norms)

    def score(self, hidden: Hidden, items: ItemSide, blend: Mapping[str, float]) -> Tensor:
        """Return the blended neural parts but for :meth:`bias`, shape (n_rows, n_items)."""
        parts = self.parts(hidden, items)
        scores = parts["collaborative"].mul_(blend["collaborative"])
        return scores.add_(parts["one_hop"], alpha=blend["one_hop"]).add_(parts["two_hop"], alpha=blend["two_hop"])

    def bias(self, items: ItemSide, blend: Mapping[str, float]) -> Tensor:
        """Return what is added to each item's score whoever asks, shape (n_items,)."""
        return items.vectors.new_zeros(len(items.vectors))


class PaperObjective(Objective):
    """The published model: squared reconstruction error through nonlinear heads (paper, sections 3.2 to 3.4)."""

    BLEND = {"collaborative": 0.6, "one_hop": 0.2, "two_hop": 0.2}
    HEADS = {"collaborative": torch.sigmoid, "source": torch.relu, "target": torch.relu}

    def initialise(self, module: AutoSeqRecModule) -> None:
        """Draw the encoder's weights as torch draws those of a linear layer; the decoders already are such layers."""
        bound = 1 / math.sqrt(module.n_items)
        nn.init.uniform_(module.encoder_weight, -bound, bound)
        nn.init.uniform_(module.encoder_bias, -bound, bound)

    def draw_epochs(
        self, counts: Counts, settings: SequenceSettings, batch_size: int, in_sequence: bool = False
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
        linear = functional.linear(hidden, weights.decoder, weights.bias)
        return functional.dropout(linear, dropout[batch.decoder], module.training)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error of the reconstructed rows."""
        return functional.mse_loss(self.HEADS[batch.decoder](logits), batch.targets.to_dense(logits.shape[1]))

    def encode(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Encode rows as they are: ``f(x) = relu(W' x + b)``."""
        return module.activate(projections)

    def parts(self, hidden: Hidden, items: ItemSide) -> dict[str, Tensor]:
        """Return ``sigmoid(D_u z_u)``, ``relu(D_s z_s)`` and ``(z_s * z_u) . z_t``."""
        return {
            "collaborative": self.HEADS["collaborative"](items.logits("collaborative", hidden.user)),
            "one_hop": self.HEADS["source"](items.logits("source", hidden.source)),
            "two_hop": hidden.two_hop @ items.reached.T,
        }

    def two_hop_queries(self, history_row: Tensor, source: Tensor) -> Tensor:
        """Return ``z_s * z_u``."""
        return source * history_row


class MultinomialObjective(Objective):
    """Softmax cross-entropy through linear heads, unit inputs, and a history that stands before each event."""

    #: Fixed weights where the log is too short to fit them; the parts of a score have comparable spreads.
    BLEND = {"collaborative": 1.0, "one_hop": 0.5, "two_hop": 0.5, "direct": 0.5, "trend": 0.2, "repeat": 0.5}
    #: Beside the other parts it is worth -.1, .2 and -.4 % of the MRR of the last tenth of MovieLens-100K, Amazon Video
    #: and MovieLens-1M, less than a seed is, and it is a third of the product that scoring takes.
    LEFT_OUT = frozenset({"one_hop"})
    #: Makes a cosine as wide as the other parts are.
    TWO_HOP_SCALE = 10.0
    #: An epoch shows so many events for each item, with what stood before them, ...
    SNAPSHOTS_PER_ITEM = 16
    #: ... every row of both transition matrices so often, and for each item so many whole histories. Snapshots alone
    #: bend the encoder to what comes next, and the two-hop part, which compares what it encodes, suffers. With one pass
    #: and no whole histories the next tenth is ranked with MRR .099 (MovieLens-100K), .1055 (Amazon Video) and .096
    #: (Garden), with these numbers .1025, .107 and .099.
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
        self, counts: Counts, settings: SequenceSettings, batch_size: int, in_sequence: bool = False
    ) -> Iterator[Iterable[Batch]]:
        """Yield rows of T, of T transposed and of R, and a sample of the events, shuffled anew each epoch."""
        transitions = [WholeRows("source", counts.transitions), WholeRows("target", counts.transitions.T.tocsr())]
        histories = WholeRows("collaborative", counts.user_item())
        snapshots = Snapshots(counts, settings, in_sequence)

        n_histories = self.HISTORIES_PER_ITEM * counts.n_items
        n_snapshots = min(self.SNAPSHOTS_PER_ITEM * counts.n_items, len(snapshots.events))
        n_transitions = self.TRANSITION_PASSES * sum(len(matrix.rows) for matrix in transitions)
        share = min(1.0, self.ROWS_PER_EPOCH / (n_histories + n_snapshots + n_transitions))

        def draw_rows() -> Iterator[tuple[Callable[[NDArray[np.int64]], Batch], NDArray[np.int64]]]:
            users = torch.randint(counts.n_users, (math.ceil(share * n_histories),)).numpy()
            for matrix in transitions:
                yield matrix.batch, drawn_share(np.tile(matrix.rows, self.TRANSITION_PASSES), share)
            yield histories.batch, users
            events = snapshots.draw(math.ceil(share * n_snapshots))
            yield partial(snapshots.batch, hits=snapshots.hits(events)), events

        while True:
            draws = [(form, chosen) for form, rows in draw_rows() for chosen in shuffled_slices(rows, batch_size)]
            # Formed one at a time: together they would be many times the log.
            yield (form(chosen) for form, chosen in shuffled(draws))

    def logits(self, module: AutoSeqRecModule, weights: Weights, batch: Batch, dropout: Mapping[str, float]) -> Tensor:
        """Drop entries of the input."""
        inputs = batch.inputs.drop(dropout["encoder"]) if module.training else batch.inputs
        if isinstance(inputs, SparseRows):
            hidden = module.activate(inputs.project(weights.encoder))
        else:
            hidden = module.encode_sequences(inputs, weights.encoder)
        return functional.linear(hidden, weights.decoder, weights.bias)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the rows against their targets' shares."""
        targets = batch.targets
        loss = SoftmaxCrossEntropy.apply(logits, targets.row_of_entry(), targets.items, targets.values)
        return cast(Tensor, loss)

    def encode(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Encode rows scaled to unit norm: ``f(x) = relu(W' x / |x| + b)``; an empty row stays zero."""
        return module.activate(projections / squared_norms.sqrt().clamp_min(1e-12)[:, None])

    def reach(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return the encoded columns as unit vectors, so that the two-hop part is a cosine."""
        return functional.normalize(self.encode(module, projections, squared_norms))

    def parts(self, hidden: Hidden, items: ItemSide) -> dict[str, Tensor]:
        """Return ``D_u z_u``, ``D_s z_s`` and ``10 cos(z_s * z_u, z_t)``."""
        return {
            "collaborative": items.logits("collaborative", hidden.user),
            "one_hop": items.logits("source", hidden.source),
            "two_hop": hidden.two_hop @ items.reached.T,
        }

    def score(self, hidden: Hidden, items: ItemSide, blend: Mapping[str, float]) -> Tensor:
        """Return the blended neural parts as one product over the range of the parts used: the heads are linear."""
        used = [place for place, name in enumerate(NEURAL_PARTS) if blend[name]] or [0]
        first, last = used[0], used[-1]
        queries = torch.cat([blend[NEURAL_PARTS[place]] * hidden[place] for place in range(first, last + 1)], 1)
        return product(queries, items.thirds(first, last))

    def bias(self, items: ItemSide, blend: Mapping[str, float]) -> Tensor:
        """Return what is added to each item's score whoever asks, shape (n_items,)."""
        return torch.stack([blend[part] * items.biases[decoder] for part, decoder in BIASED_PARTS.items()]).sum(0)

    def embed(self, hidden: Hidden, blend: Mapping[str, float]) -> Tensor:
        """Return the vectors whose product with the items' vectors is the blended neural part, but for the biases."""
        return torch.cat([blend[name] * part for name, part in zip(NEURAL_PARTS, hidden, strict=True)], 1)

    def two_hop_queries(self, history_row: Tensor, source: Tensor) -> Tensor:
        """Return ``z_s * z_u`` at a fixed length."""
        return self.TWO_HOP_SCALE * functional.normalize(source * history_row)


def product(queries: Tensor, vectors: Tensor) -> Tensor:
    """Return ``queries @ vectors.T``; torch leaves a single query to one thread, so it is shared out here."""
    n_threads = torch.get_num_threads() if vectors.device == CPU else 1
    n_each = len(vectors) // n_threads
    if len(queries) != 1 or n_threads == 1 or n_each == 0:
        return torch.mm(queries, vectors.T)
    shares = vectors[: n_threads * n_each].unflatten(0, (n_threads, n_each))
    scores = torch.bmm(queries.expand(n_threads, -1, -1), shares.transpose(1, 2)).view(1, -1)
    return torch.cat([scores, torch.mm(queries, vectors[n_threads * n_each :].T)], 1)


OBJECTIVES: dict[str, type[Objective]] = {"multinomial": MultinomialObjective, "paper": PaperObjective}
