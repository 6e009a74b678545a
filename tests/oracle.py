"""The formula, slow and obvious: dense float64, ids instead of codes, one event at a time.

Everything fast in the package must equal this.
"""

from collections import defaultdict

import numpy as np

from skautoseqrec._counting import TRANSITION_UNIT
from skautoseqrec._queries import SMALLEST_HISTORY_WEIGHT
from skautoseqrec._walk_forward import TIE_TOLERANCE


def in_time_order(log):
    """Return the rows (user, item[, time]) of a log in time order, ties in row order."""
    return sorted(log, key=lambda row: row[2]) if len(log[0]) == 3 else list(log)


class Oracle:
    """The paper's model under the weights of a fitted recommender, knowing only the events it was shown."""

    def __init__(self, recommender, fitted_log):
        parameters = recommender.get_params()
        self.parameters, self.blend = parameters, recommender.blend_
        self.histories = defaultdict(list)
        self.transitions = defaultdict(int)  # (earlier, later) -> units
        self.events_of = defaultdict(int)  # item -> events, in order of first appearance
        for user, item, *_ in in_time_order(fitted_log):
            self.let_in(user, item)
        module = recommender.module_
        weight = module.encoder_weight.double().numpy()
        self.weight = dict(zip(self.events_of, weight, strict=True))
        self.bias = module.encoder_bias.double().numpy()
        self.decoders = {
            name: self._decoder_rows(module.decoders[name]) for name in ("collaborative", "source", "target")
        }

    def _decoder_rows(self, decoder):
        weight, bias = decoder.weight.double().numpy(), decoder.bias.double().numpy()
        rows = {item: (weight[row], bias[row]) for row, item in enumerate(self.events_of)}
        mean = (weight.mean(0), bias.mean())
        return lambda item: rows.get(item, mean)

    def let_in(self, user, item):
        history = self.histories[user]
        for step in range(1, self.parameters["transition_window"] + 1):
            if step <= len(history):
                weight = self.parameters["transition_decay"] ** (step - 1)
                self.transitions[history[-step], item] += round(weight * TRANSITION_UNIT)
        history.append(item)
        self.events_of[item] += 1

    def encode(self, row):
        """Return f of a row given as item -> value; items without weights count as zero rows."""
        projection = sum(
            (value * self.weight[item] for item, value in row.items() if item in self.weight), self.bias * 0
        )
        activation = {
            "relu": lambda x: np.maximum(x, 0),
            "tanh": np.tanh,
            "identity": lambda x: x,
            "logistic": lambda x: 1 / (1 + np.exp(-x)),
        }
        return activation[self.parameters["activation"]](projection + self.bias)

    def user_row(self, user):
        row = defaultdict(float)
        decay = self.parameters["history_decay"]
        for age, item in enumerate(reversed(self.histories[user])):
            if decay == 1 or decay**age >= SMALLEST_HISTORY_WEIGHT:
                row[item] += decay**age
        return row

    def source_row(self, user):
        row = defaultdict(float)
        for age, last in enumerate(list(reversed(self.histories[user]))[: self.parameters["context_size"]]):
            for (earlier, later), units in self.transitions.items():
                if earlier == last:
                    row[later] += self.parameters["context_decay"] ** age * units / TRANSITION_UNIT
        return row

    def target_row(self, item):
        return {j: units / TRANSITION_UNIT for (j, i), units in self.transitions.items() if i == item}

    def scores(self, user):
        """Return item -> score for every known item."""
        if not self.histories.get(user):
            return {item: float(count) for item, count in self.events_of.items()}
        z_u, z_s = self.encode(self.user_row(user)), self.encode(self.source_row(user))
        scores = {}
        for item in self.events_of:
            weight_u, bias_u = self.decoders["collaborative"](item)
            weight_s, bias_s = self.decoders["source"](item)
            z_t = self.encode(self.target_row(item))
            scores[item] = (
                self.blend["collaborative"] / (1 + np.exp(-(weight_u @ z_u + bias_u)))
                + self.blend["one_hop"] * max(weight_s @ z_s + bias_s, 0)
                + self.blend["two_hop"] * ((z_s * z_u) @ z_t)
            )
        return scores

    def eligible_scores(self, user, exclude_seen=None):
        exclude_seen = self.parameters["exclude_seen"] if exclude_seen is None else exclude_seen
        seen = set(self.histories.get(user, ())) if exclude_seen else set()
        return {item: score for item, score in self.scores(user).items() if item not in seen}

    def reciprocal_rank_bounds(self, user, item):
        """Return the smallest and the largest reciprocal rank that the tie rule allows, given float32 rounding.

        Scores whose difference is within a rounding of the tolerance may fall on either side of it.
        """
        scores = self.eligible_scores(user)
        if item not in scores:
            return 0.0, 0.0
        others = np.array([score for other, score in scores.items() if other != item])
        largest = max(map(abs, scores.values()))
        tolerance, rounding = TIE_TOLERANCE * largest, 4e-6 * largest
        ranks = []
        for shift in (-rounding, rounding):
            higher = others > scores[item] + tolerance + shift
            tied = (others >= scores[item] - tolerance + shift) & ~higher
            ranks.append(1 + higher.sum() + tied.sum() / 2)
        return 1 / ranks[0], 1 / ranks[1]

    def walk_forward(self, log, ties="row"):
        """Return one (smallest, largest) reciprocal rank per event of a log, in time order."""
        rows = in_time_order(log)
        bounds = []
        start = 0
        while start < len(rows):
            stop = start + 1
            while ties == "together" and len(rows[0]) == 3 and stop < len(rows) and rows[stop][2] == rows[start][2]:
                stop += 1
            bounds += [self.reciprocal_rank_bounds(user, item) for user, item, *_ in rows[start:stop]]
            for user, item, *_ in rows[start:stop]:
                self.let_in(user, item)
            start = stop
        return np.array(bounds)
