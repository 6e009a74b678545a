"""JODIE: trajectories of users and items, by two recurrent networks that each event lets meet.

Kumar, Zhang and Leskovec, "Predicting Dynamic Embedding Trajectory in Temporal Interaction Networks", KDD 2019,
arXiv 1908.01207.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .replay import Event, Floats
from .training import Trained

__all__ = ["JODIE"]


class Met(NamedTuple):
    """An event with what came before: codes, the item before (``n_items``: none), and the gaps of both, scaled."""

    user: int
    item: int
    before: int
    user_gap: float
    item_gap: float


class JODIEModule(nn.Module):
    """First states, the two recurrent cells, the projection in time, and the prediction of the next item."""

    def __init__(self, n_users: int, n_items: int, n_components: int) -> None:
        super().__init__()
        d, self.n_components = n_components, n_components
        self.first_user, self.first_item = (nn.Parameter(functional.normalize(torch.rand(d), dim=0)) for _ in range(2))
        self.user_cell, self.item_cell = nn.RNNCell(d + 2, d), nn.RNNCell(d + 2, d)
        self.drift = nn.Linear(1, d)
        nn.init.normal_(self.drift.weight, std=d**-0.5)
        nn.init.normal_(self.drift.bias, std=d**-0.5)
        n_outputs = d + n_items + 1
        self.dynamic = nn.Linear(2 * d, n_outputs)
        # The rows of a linear map of one-hots: of the item before, and of the user.
        self.of_item, self.of_user = nn.Embedding(n_items + 1, n_outputs), nn.Embedding(n_users, n_outputs)
        bound = (2 * d + n_items + 1 + n_users) ** -0.5
        for weight in (self.dynamic.weight, self.of_item.weight, self.of_user.weight):
            nn.init.uniform_(weight, -bound, bound)

    def predict(self, states: Tensor, states_before: Tensor, gaps: Tensor, users: Tensor, before: Tensor) -> Tensor:
        """Return the expected state of the next item, and then its one-hot."""
        projected = states * (1 + self.drift(gaps[:, None]))
        predicted: Tensor = self.dynamic(torch.cat([projected, states_before], 1))
        return predicted + self.of_item(before) + self.of_user(users)


class JODIE(Trained):
    """JODIE: the next item is the one whose state and one-hot are nearest to what is predicted.

    Events fall into windows, after each of which the weights are stepped and gradients are cut; within a window an
    epoch takes events of different users and items at once (t-batches). Gaps are standardized by those of the fitted
    log. The network that predicts changes of labels is left out: the logs have none.

    Parameters
    ----------
    n_components, learning_rate, weight_decay, n_windows : int, float
        As in the paper; windows have the same length in time, the span of the fitted log in all.
    is_online : bool
        Whether the walk goes on training, after each window, on events that have been ranked, as the paper's does.
    max_iter, random_state : int
        As in :class:`Trained`.
    """

    def __init__(
        self,
        n_components: int = 128,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-5,
        n_windows: int = 500,
        is_online: bool = True,
        max_iter: int = 10,
        random_state: int = 0,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(max_iter, random_state, exclude_seen=exclude_seen)
        self.n_components, self.learning_rate, self.weight_decay = n_components, learning_rate, weight_decay
        self.n_windows, self.is_online = n_windows, is_online

    def start(self) -> None:
        """Begin without events."""
        self.module: JODIEModule | None = None
        self.fitted: list[Event] = []

    def let_in(self, user: int, item: int, time: float) -> None:
        """Let the states of user and item meet, and train at the end of a window."""
        if self.module is None:
            self.fitted.append((user, item, time))
            return
        if time >= self.window_end:
            self._step()
            self.window_end = time + self.window_length
        with torch.set_grad_enabled(self.is_online):
            self._meet([self._met((user, item, time))])
        self._place([item])

    def build(self) -> None:
        """Make the network, and cut the log into windows of t-batches."""
        self.module = JODIEModule(self.n_users, self.n_items, self.n_components)
        parameters = self.module.parameters()
        self.optimizer = torch.optim.Adam(
            parameters, lr=self.learning_rate, weight_decay=self.weight_decay, foreach=True
        )
        self.window_length = max((self.fitted[-1][2] - self.fitted[0][2]) / self.n_windows, 1e-9)
        self.scales = ((0.0, 1.0), (0.0, 1.0))
        self._reset()
        met = [self._met(event) for event in self.fitted]
        gaps = np.array([(each.user_gap, each.item_gap) for each in met])
        self.scales = tuple(zip(gaps.mean(0).tolist(), np.maximum(gaps.std(0), 1e-9).tolist(), strict=True))
        numbers = [int((time - self.fitted[0][2]) / self.window_length) for _, _, time in self.fitted]
        self._reset()
        windows: dict[int, list[Met]] = {}
        for number, event in zip(numbers, self.fitted, strict=True):
            windows.setdefault(number, []).append(self._met(event))
        self.windows = [_t_batches(window) for window in windows.values()]
        self.window_end = self.fitted[-1][2] + self.window_length

    def train_epoch(self) -> None:
        """Go through the log from the first states on."""
        self.user_states, self.item_states = [None] * self.n_users, [None] * (self.n_items + 1)
        for window in self.windows:
            for batch in window:
                self._meet(batch)
            self._step()
        self._place(range(self.n_items))

    def scores(self, user: int, time: float) -> Floats:
        """Return minus the squared distance of each item, but for what is the same for all."""
        met = self._met((user, 0, time), is_counted=False)
        with torch.no_grad():
            predicted = self.module.predict(*self._asked([met])[:2], *_columns([met]))[0]
            states, one_hots = predicted[: self.n_components], predicted[self.n_components : -1]
            return (2 * self.placed @ states - self.placed.square().sum(1) + 2 * one_hots).numpy()

    def _reset(self) -> None:
        self.user_states: list[Tensor | None] = [None] * self.n_users
        self.item_states: list[Tensor | None] = [None] * (self.n_items + 1)
        self.placed = torch.zeros(self.n_items, self.n_components)
        self.last_of_user: dict[int, tuple[float, int]] = {}
        self.last_of_item: dict[int, float] = {}
        self.pending: list[tuple[Tensor, Tensor, Tensor, list[Met]]] = []
        self.drifts: list[Tensor] = []

    def _met(self, event: Event, is_counted: bool = True) -> Met:
        user, item, time = event
        last, before = self.last_of_user.get(user, (time, self.n_items))
        gaps = time - last, time - self.last_of_item.get(item, time)
        if is_counted:
            self.last_of_user[user] = time, item
            self.last_of_item[item] = time
        scaled = ((gap - mean) / scale for gap, (mean, scale) in zip(gaps, self.scales, strict=True))
        return Met(user, item, before, *scaled)

    def _asked(self, batch: list[Met]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the states of users, of the items before, and of the items."""
        users = _stacked(self.user_states, [met.user for met in batch], self.module.first_user)
        before, items = (
            _stacked(self.item_states, codes, self.module.first_item)
            for codes in ([met.before for met in batch], [met.item for met in batch])
        )
        return users, before, items

    def _meet(self, batch: list[Met]) -> None:
        """Make the next states of the users and items of events that have nobody in common."""
        users, before, items = self._asked(batch)
        gaps = torch.tensor([(met.user_gap, met.item_gap) for met in batch], dtype=torch.float32)
        feature = torch.zeros(len(batch), 1)
        next_users = self.module.user_cell(torch.cat([items, gaps[:, :1], feature], 1), users)
        next_items = self.module.item_cell(torch.cat([users, gaps[:, 1:], feature], 1), items)
        next_users, next_items = functional.normalize(next_users), functional.normalize(next_items)
        for met, user, item in zip(batch, next_users, next_items, strict=True):
            self.user_states[met.user], self.item_states[met.item] = user, item
        if torch.is_grad_enabled():
            self.pending.append((users, before, items.detach(), batch))
            self.drifts.append(
                functional.mse_loss(next_users, users.detach()) + functional.mse_loss(next_items, items.detach())
            )

    def _step(self) -> None:
        """Train on what has met since the last step: the sum over t-batches of their mean losses."""
        if not self.pending:
            return
        users, before, items = (torch.cat([each[part] for each in self.pending]) for part in range(3))
        batches = [batch for *_, batch in self.pending]
        weights = torch.tensor([1 / len(batch) for batch in batches for _ in batch])
        met = [each for batch in batches for each in batch]
        predicted = self.module.predict(users, before, *_columns(met))
        wanted = functional.one_hot(torch.tensor([each.item for each in met]), self.n_items + 1)
        errors = (predicted - torch.cat([items, wanted.to(items.dtype)], 1)).square().mean(1)
        loss = (weights * errors).sum() + torch.stack(self.drifts).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        for states, codes in (
            (self.user_states, {each.user for each in met}),
            (self.item_states, {each.item for each in met}),
        ):
            for code in codes:
                states[code] = states[code].detach()
        self.pending, self.drifts = [], []

    def _place(self, items: Sequence[int]) -> None:
        with torch.no_grad():
            self.placed[list(items)] = _stacked(self.item_states, items, self.module.first_item)


def _t_batches(window: list[Met]) -> list[list[Met]]:
    """Return the events of a window in batches: each event is in the first one after those of its user and item."""
    batches: list[list[Met]] = []
    of_user: dict[int, int] = {}
    of_item: dict[int, int] = {}
    for met in window:
        number = max(of_user.get(met.user, -1), of_item.get(met.item, -1)) + 1
        of_user[met.user] = of_item[met.item] = number
        if number == len(batches):
            batches.append([])
        batches[number].append(met)
    return batches


def _stacked(states: Sequence[Tensor | None], codes: Sequence[int], first: Tensor) -> Tensor:
    start = functional.normalize(first, dim=0)
    return torch.stack([start if states[code] is None else states[code] for code in codes])


def _columns(batch: list[Met]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gaps of users, the users and the items before."""
    gaps = torch.tensor([met.user_gap for met in batch], dtype=torch.float32)
    return gaps, torch.tensor([met.user for met in batch]), torch.tensor([met.before for met in batch])
