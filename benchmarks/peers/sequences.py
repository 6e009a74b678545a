"""What rivals that read the history item by item share: windows of it, training on every place, answers in blocks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skautoseqrec._utils.devices import multiplies_bfloat16

from .replay import Floats
from .training import Trained

__all__ = ["PADDING", "SequenceModel", "SequenceModule"]

PADDING = 0  # items are their codes plus one


class SequenceModule(nn.Module):
    """Item embeddings, read in sequence by a subclass, and once more as output."""

    def __init__(self, n_items: int, n_components: int) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, n_components, padding_idx=PADDING)
        nn.init.normal_(self.items.weight, std=0.02)

    def logits(self, expected: Tensor) -> Tensor:
        """Return the score of every item for vectors of what is expected."""
        return expected @ self.items.weight[1:].T


class SequenceModel(Trained):
    """A network that is trained to expect the next item at every place; its weights are fixed in the walk.

    Histories grow while the log is walked. The loss is the cross-entropy over all items, which has become the strongest
    form of both rivals that are built on it. A subclass has ``make_module``, whose ``forward`` returns what each place
    of sequences (n_sequences, length) expects next; they are filled up behind.

    Parameters
    ----------
    length : int
        Number of newest items that are read.
    learning_rate, batch_size : float, int
        Of Adam; sequences in a batch.
    """

    block_size = 128

    def __init__(
        self,
        length: int,
        learning_rate: float,
        batch_size: int,
        max_iter: int,
        random_state: int,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(max_iter, random_state, exclude_seen=exclude_seen)
        self.length, self.learning_rate, self.batch_size = length, learning_rate, batch_size

    def make_module(self) -> SequenceModule:
        """Return an untrained network."""
        raise NotImplementedError

    def build(self) -> None:
        """Make the network, and cut histories into windows."""
        self.module = self.make_module()
        parameters = self.module.parameters()
        self.optimizer = torch.optim.Adam(parameters, lr=self.learning_rate, betas=(0.9, 0.98), fused=True)
        self.windows = self._windows()

    def train_epoch(self) -> None:
        """Train on every window once."""
        self.module.train()
        for rows in torch.randperm(len(self.windows)).split(self.batch_size):
            batch = self.windows[rows]
            batch = batch[:, : int((batch != PADDING).sum(1).max())]
            is_real = batch[:, 1:] != PADDING
            # As the recommender is trained: products of bfloat16 where the processor has them.
            with torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16()):
                logits = self.module.logits(self.module(batch[:, :-1])[is_real])
            loss = functional.cross_entropy(logits.float(), batch[:, 1:][is_real] - 1)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def question(self, user: int, time: float) -> list[int]:
        """Return the newest items."""
        return self.histories[user][-self.length :]

    @torch.no_grad()
    def answers(self, questions: list[list[int]]) -> Iterable[Floats]:
        """Return the score of every item after each history; after an empty one, of one item of padding."""
        self.module.eval()
        length = max(1, *map(len, questions))
        sequences = torch.full((len(questions), length), PADDING)
        for row, history in enumerate(questions):
            sequences[row, : len(history)] = torch.tensor(history, dtype=torch.int64) + 1
        last = torch.tensor([max(len(history) - 1, 0) for history in questions])
        scores: Floats = self.module.logits(self.module(sequences)[torch.arange(len(questions)), last]).numpy()
        return scores

    def _windows(self) -> Tensor:
        """Return all histories cut into windows that overlap by one item: each event but the first is predicted."""
        rows = [np.zeros((0, self.length + 1), dtype=np.int64)]
        for history in self.histories.values():
            for stop in range(len(history), 1, -self.length):
                window = np.array(history[max(0, stop - self.length - 1) : stop]) + 1
                rows.append(np.pad(window, (0, self.length + 1 - len(window)))[np.newaxis])
        return torch.from_numpy(np.concatenate(rows))
