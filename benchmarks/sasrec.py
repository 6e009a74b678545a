"""SASRec, the self-attentive recommender, in plain torch: what a trained sequence model does on the same walk.

Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv 1808.09781, with the cross-entropy over
all items in place of one sampled negative, which has since become its strongest form. Weights are fixed once trained;
histories grow while the log is walked forward, as for every other model of the table.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skautoseqrec import Interactions

__all__ = ["SASRec"]

PADDING = 0  # items are their codes plus one


class SASRecModule(nn.Module):
    """Item and position embeddings, causal self-attention blocks, and the item embeddings once more as output."""

    def __init__(self, n_items: int, length: int, n_components: int, n_blocks: int, n_heads: int, dropout: float):
        super().__init__()
        self.items = nn.Embedding(n_items + 1, n_components, padding_idx=PADDING)
        self.positions = nn.Embedding(length, n_components)
        self.dropout = nn.Dropout(dropout)
        block = nn.TransformerEncoderLayer(
            n_components, n_heads, n_components, dropout, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(
            block, n_blocks, norm=nn.LayerNorm(n_components), enable_nested_tensor=False
        )
        nn.init.normal_(self.items.weight, std=0.02)
        nn.init.normal_(self.positions.weight, std=0.02)

    def forward(self, sequences: Tensor) -> Tensor:
        """Return what each place of some sequences (n_sequences, length) expects next, one vector per place.

        Sequences begin at their first place and are filled up behind: a causal mask is all the masking they need.
        """
        length = sequences.shape[1]
        embedded = self.items(sequences) * self.items.embedding_dim**0.5 + self.positions.weight[:length]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        return self.blocks(self.dropout(embedded), mask=mask, is_causal=True)

    def logits(self, expected: Tensor) -> Tensor:
        """Return the score of every item."""
        return expected @ self.items.weight[1:].T


class SASRec:
    """SASRec trained until the newest events of the log are ranked no better.

    Parameters
    ----------
    n_components, n_blocks, n_heads, dropout, length : as in the paper
        Width, depth, heads, dropout and the number of newest items that are read.
    learning_rate, batch_size : float, int
        Of Adam; sequences in a batch.
    max_iter, n_iter_no_change, n_validated : int
        Most epochs, patience, and how many of the newest events, a tenth of the log at most, are held out to judge one.
    random_state : int
        Seed.
    exclude_seen : bool
        Whether items of the user's history are not eligible.
    """

    def __init__(
        self,
        n_components: int = 64,
        n_blocks: int = 2,
        n_heads: int = 2,
        dropout: float = 0.2,
        length: int = 200,
        learning_rate: float = 1e-3,
        batch_size: int = 32,
        max_iter: int = 200,
        n_iter_no_change: int = 10,
        n_validated: int = 5000,
        random_state: int = 0,
        verbose: bool = False,
        exclude_seen: bool = True,
    ) -> None:
        self.__dict__.update({name: value for name, value in locals().items() if name != "self"})

    def fit(self, log: Interactions) -> SASRec:
        """Train on a log in time order."""
        torch.manual_seed(self.random_state)
        self.n_items = len(log.item_ids)
        users, items = np.asarray(log.users), np.asarray(log.items)
        n_validated = min(self.n_validated, len(items) // 10)
        n_trained = len(items) - n_validated
        self._start(users[:n_trained], items[:n_trained])
        chunks = self._chunks()
        shape = (self.n_components, self.n_blocks, self.n_heads, self.dropout)
        self.module = SASRecModule(self.n_items, self.length, *shape)
        optimizer = torch.optim.Adam(self.module.parameters(), lr=self.learning_rate, betas=(0.9, 0.98), fused=True)
        best, best_value, n_since = copy.deepcopy(self.module), -1.0, 0
        for epoch in range(self.max_iter):
            loss = self._train_epoch(chunks, optimizer)
            self._start(users[:n_trained], items[:n_trained])
            value = self._walk(users[n_trained:], items[n_trained:], np.arange(n_validated)).mean()
            if self.verbose:
                print(f"epoch {epoch + 1}: loss {loss:.4f}, validation MRR {value:.4f}", flush=True)
            n_since = 0 if value > best_value else n_since + 1
            if value > best_value:
                best, best_value = copy.deepcopy(self.module), value
            if n_since >= self.n_iter_no_change:
                break
        self.module = best
        self._start(users, items)
        return self

    def score_samples(self, log: Interactions, ties: str = "row") -> NDArray[np.float64]:
        """Return the reciprocal rank of each event of a log in time order; what was let in stays in."""
        together = ties == "together" and log.times is not None
        visible = np.searchsorted(log.times, log.times) if together else np.arange(len(log))
        return self._walk(np.asarray(log.users), np.asarray(log.items), visible)

    def _start(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> None:
        self.histories: dict[int, list[int]] = {}
        self.known = np.zeros(self.n_items, dtype=bool)
        self._let_in(users, items)

    def _let_in(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> None:
        for user, item in zip(users.tolist(), items.tolist(), strict=True):
            self.histories.setdefault(user, []).append(item)
        self.known[items] = True

    def _chunks(self) -> Tensor:
        """Return all histories cut into windows that overlap by one item: each event but the first is predicted."""
        rows = []
        for history in self.histories.values():
            for stop in range(len(history), 1, -self.length):
                row = np.zeros(self.length + 1, dtype=np.int64)
                window = np.array(history[max(0, stop - self.length - 1) : stop]) + 1
                row[: len(window)] = window
                rows.append(row)
        return torch.from_numpy(np.stack(rows))

    def _train_epoch(self, chunks: Tensor, optimizer: torch.optim.Optimizer) -> float:
        self.module.train()
        losses = []
        for rows in torch.randperm(len(chunks)).split(self.batch_size):
            batch = chunks[rows]
            batch = batch[:, : int((batch != PADDING).sum(1).max())]
            expected = self.module(batch[:, :-1])
            is_real = batch[:, 1:] != PADDING
            loss = functional.cross_entropy(self.module.logits(expected[is_real]), batch[:, 1:][is_real] - 1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    @torch.no_grad()
    def _walk(
        self, users: NDArray[np.int64], items: NDArray[np.int64], visible: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Rank events, letting in what is visible before each; all of them are in at the end."""
        self.module.eval()
        values = np.zeros(len(items))
        n_let_in = 0
        for events in _blocks(len(items), 128):
            asked = []
            for event in events:
                self._let_in(users[n_let_in : visible[event]], items[n_let_in : visible[event]])
                n_let_in = int(visible[event])
                history = self.histories.get(int(users[event]), [])
                asked.append((history[-self.length :], self.known.copy(), np.array(history, dtype=np.int64)))
            scores = self._scores([newest for newest, _, _ in asked])
            for row, (event, (_, known, seen)) in enumerate(zip(events, asked, strict=True)):
                if self.exclude_seen:
                    known[seen] = False
                values[event] = _reciprocal_rank(scores[row], known, items[event])
        self._let_in(users[n_let_in:], items[n_let_in:])
        return values

    def _scores(self, histories: list[list[int]]) -> NDArray[np.float32]:
        """Return the score of every item after each history; after an empty one, of nothing but the output."""
        length = max(1, *map(len, histories))
        sequences = torch.zeros(len(histories), length, dtype=torch.int64)
        for row, history in enumerate(histories):
            sequences[row, : len(history)] = torch.tensor(history, dtype=torch.int64) + 1
        last = torch.tensor([max(len(history) - 1, 0) for history in histories])
        return self.module.logits(self.module(sequences)[torch.arange(len(histories)), last]).numpy()


def _blocks(n_events: int, size: int) -> Iterator[range]:
    for start in range(0, n_events, size):
        yield range(start, min(start + size, n_events))


def _reciprocal_rank(scores: NDArray[np.float32], eligible: NDArray[np.bool_], item: int) -> float:
    if not eligible[item]:
        return 0.0
    higher = (scores[eligible] > scores[item]).sum()
    tied = (scores[eligible] == scores[item]).sum() - 1
    return 1 / (1 + higher + tied / 2)
