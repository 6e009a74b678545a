"""The formula, slow and obvious: dense float64, ids instead of codes, one event at a time.

Everything fast in the package must equal this.
"""

from collections import defaultdict
from math import erf

import numpy as np

#: Written out, not imported: the package has to agree.
TRANSITION_UNIT, WEIGHT_UNIT = 2**20, 2**10
SMALLEST_HISTORY_WEIGHT = 0.002
LONGEST_SEQUENCE = 60
MOST_LAGS, LINEAR_LENGTH = 10, 20
TIE_TOLERANCE = 1e-5


def plain_row(row):
    """Return a row as (user, item[, time]), and its weight: that of a named one as it is rounded, otherwise 1."""
    if not hasattr(row, "weight"):
        return tuple(row), 1.0
    units = round(row.weight * WEIGHT_UNIT)
    return tuple(row)[:-1], (max(units, 1) if row.weight > 0 else 0) / WEIGHT_UNIT


def in_time_order(log, by_moment=False):
    """Return the rows (user, item[, time]) of a log in time order, ties in row order, or in that of their ids."""
    if len(plain_row(log[0])[0]) == 2:
        return list(log)
    return sorted(log, key=lambda row: (row[2], *row[:2], *row[3:]) if by_moment else row[2])


class Oracle:
    """The model under the weights of a fitted recommender, knowing only the events it was shown."""

    def __init__(self, recommender, fitted_log):
        parameters = recommender.get_params()
        self.parameters, self.blend = parameters, recommender.blend_
        scorer = recommender._serving.scorer
        self.cold_blend, self.linear = scorer.cold_blend, scorer.model.linear
        self.gate = scorer.gate
        self.is_paper = parameters["objective"] == "paper"
        self.by_moment = recommender.ties_ == "together"
        self.events = []  # (number, user, item[, time]) of all that are not forgotten
        self.histories = defaultdict(list)
        self.moments = defaultdict(list)  # user -> lists of items, one a moment
        self.last_times = {}
        self.times = defaultdict(list)  # user -> times of the moments
        self.weight_of = {}  # number of an event -> its weight
        self.weights = defaultdict(list)  # user -> lists of weights, one a moment
        self.transitions = defaultdict(int)  # (earlier, later) -> units
        self.arrivals = defaultdict(list)  # item -> numbers of its events, in order of first appearance
        self.pairs = defaultdict(float)  # (item, item) -> how often they stood near each other
        self.dislikes = set()  # (user, item)
        self.n_events = 0
        module = scorer.model.module
        self.let_in_log(fitted_log)
        # Weights may be those of the first part of the log: rows follow the first appearance of items.
        self.trained = list(self.arrivals)[: module.n_items]
        self.linear_rows, self.linear_weights = {}, None
        if self.linear is not None:
            known = list(self.arrivals)
            self.linear_rows = {known[code]: row for row, code in enumerate(self.linear.items)}
            self.linear_weights = self.linear.weights.double().numpy()
        self.weight = dict(zip(self.trained, module.encoder_weight.double().numpy(), strict=True))
        self.bias = module.encoder_bias.double().numpy()
        self.encoder = module.history_encoder
        self.history = {name: weight.double().numpy() for name, weight in module.state_dict().items()}
        self.decoders = {
            name: self._decoder_rows(module.decoders[name]) for name in ("collaborative", "source", "target")
        }

    def _decoder_rows(self, decoder):
        weight, bias = decoder.weight.double().numpy(), decoder.bias.double().numpy()
        rows = {item: (weight[row], bias[row]) for row, item in enumerate(self.trained)}

        def row(item):
            if item in self.weight:
                return rows[item]
            kept = [rows[trained] for trained in self.trained]
            return tuple(np.mean(part, 0) for part in zip(*kept, strict=True))

        return row

    def let_in_log(self, log):
        """Let the events of a log in, in time order."""
        for row in in_time_order(log, self.by_moment):
            event, weight = plain_row(row)
            self.let_in(*event, weight=weight)

    def let_in(self, user, item, *time, weight=1.0):
        self.n_events += 1
        self.weight_of[self.n_events] = weight
        self.events.append((self.n_events, user, item, *time))
        self.take(self.n_events, user, item, *time)

    def forget(self, is_forgotten):
        """Forget the events for which a function of (user, item[, time]) is true."""
        order = list(self.arrivals)
        self.events = [event for event in self.events if not is_forgotten(event[1:])]
        known = {item for _, _, item, *_ in self.events}
        self.arrivals = defaultdict(list, {item: [] for item in order if item in known})
        self.histories, self.transitions = defaultdict(list), defaultdict(int)
        self.moments, self.last_times, self.times = defaultdict(list), {}, defaultdict(list)
        self.pairs, self.weights = defaultdict(float), defaultdict(list)
        for event in self.events:
            self.take(*event)
        self.trained = [item for item in self.trained if item in known]
        self.weight = {item: self.weight[item] for item in self.trained}
        self.linear_rows = {item: row for item, row in self.linear_rows.items() if item in known}

    def take(self, number, user, item, *time):
        moments, weights, own = self.moments[user], self.weights[user], self.weight_of[number]
        is_new = not self.by_moment or not time or self.last_times.get(user) != time
        self.last_times[user] = time
        if is_new:
            moments.append([])
            weights.append([])
            self.times[user].append(time[0] if time else np.nan)
        for age, near in self.within(moments[:-1], self.parameters["transition_window"]):
            weight = self.parameters["transition_decay"] ** age
            self.transitions[near, item] += round(round(weight * TRANSITION_UNIT) * own)
        window = self.parameters["neighbour_window"]
        beside = [near for _, near in self.within(moments[:-1], window)] + (moments[-1] if window else [])
        of_beside = [weight for _, weight in self.within(weights[:-1], window)] + (weights[-1] if window else [])
        for near, weight in zip(beside, of_beside, strict=True):
            if near != item:
                self.pairs[near, item] += min(weight, own)
                self.pairs[item, near] += min(weight, own)
        moments[-1].append(item)
        weights[-1].append(own)
        self.histories[user].append(item)
        self.arrivals[item].append(number)

    @staticmethod
    def within(moments, window):
        """Return the items of the newest moments that hold so many, each with the age of its moment."""
        found = []
        for age, moment in enumerate(reversed(moments)):
            if len(found) >= window:
                break
            found += [(age, item) for item in moment]
        return found

    def shared(self, user, window):
        """Return what :meth:`within` does of a user, and what part of its moment each item is."""
        moments = self.moments[user][::-1]
        return [(age, item, 1 / len(moments[age])) for age, item in self.within(self.moments[user], window)]

    def encode(self, row):
        """Return f of a row given as item -> value; items without weights count as zero rows."""
        row = {item: value for item, value in row.items() if item in self.weight}
        projection = sum((value * self.weight[item] for item, value in row.items()), self.bias * 0)
        if not self.is_paper and any(row.values()):
            projection = projection / np.sqrt(sum(value**2 for value in row.values()))
        return self.activate(projection + self.bias)

    def activate(self, x):
        activation = {
            "relu": lambda x: np.maximum(x, 0),
            "tanh": np.tanh,
            "identity": lambda x: x,
            "logistic": lambda x: 1 / (1 + np.exp(-x)),
        }
        return activation[self.parameters["activation"]](x)

    def encode_history(self, user):
        """Return what the collaborative decoder reads and, beside it, z_u, which meets z_s."""
        row = self.encode(self.user_row(user))
        return {"shared": lambda: row, "residual": lambda: self.encode_residually(user)}[self.encoder](), row

    def encode_residually(self, user):
        name = "history."
        decays = 1 / (1 + np.exp(-self.history[name + "decay_logits"]))
        summed = self.bias * 0
        own = [weight for moment in self.weights[user] for weight in moment]
        for age, item in enumerate(reversed(self.histories[user][-LONGEST_SEQUENCE:])):
            if item in self.weight:
                summed = summed + own[-1 - age] * decays**age * self.weight[item]
        hidden = (summed - summed.mean()) / np.sqrt(summed.var() + 1e-5)
        hidden = hidden * self.history[name + "norm.weight"] + self.history[name + "norm.bias"]
        widened = self.history[name + "block.0.weight"] @ hidden + self.history[name + "block.0.bias"]
        widened = widened * np.array([1 + erf(x / np.sqrt(2)) for x in widened]) / 2
        return hidden + self.history[name + "block.3.weight"] @ widened + self.history[name + "block.3.bias"]

    def user_row(self, user):
        row = defaultdict(float)
        decay = self.parameters["history_decay"]
        for age, moment in enumerate(zip(self.moments[user][::-1], self.weights[user][::-1], strict=True)):
            if decay == 1 or decay**age >= SMALLEST_HISTORY_WEIGHT:
                for item, weight in zip(*moment, strict=True):
                    row[item] += weight * decay**age
        return row

    def mass(self, item):
        """Return what the events of an item weigh together."""
        return sum(self.weight_of[number] for number in self.arrivals[item])

    def count(self, user, item):
        """Return what the events of a user with an item weigh together."""
        pairs = zip(self.moments[user], self.weights[user], strict=True)
        return sum(w for moment in pairs for of, w in zip(*moment, strict=True) if of == item)

    def source_row(self, user):
        row = defaultdict(float)
        for age, last, share in self.shared(user, self.parameters["context_size"]):
            weight = share * self.parameters["context_decay"] ** age
            for (earlier, later), units in self.transitions.items():
                if earlier == last:
                    row[later] += weight * units / TRANSITION_UNIT
        return row

    def lags(self, user, item):
        """Return the logs of T from the items of each of the last moments to an item, their means, the newest first."""
        lags = [0.0] * min(self.parameters["context_size"], MOST_LAGS)
        for age, last, share in self.shared(user, self.parameters["context_size"]):
            if age < len(lags):
                lags[age] += share * np.log1p(5 * self.transitions.get((last, item), 0) / TRANSITION_UNIT)
        return lags

    def neighbours(self, user, item):
        """Return the decayed sum of the cosines of an item with the last items."""
        total, decay = 0.0, self.parameters["neighbour_decay"]
        for age, near, share in self.shared(user, self.parameters["neighbour_window"]):
            if self.mass(near) and self.mass(item):
                total += share * decay**age * self.pairs[near, item] / np.sqrt(self.mass(near) * self.mass(item))
        return 8 * total

    def autoencoded(self, user, item):
        """Return what the linear autoencoder makes of the decayed history."""
        rows = self.linear_rows
        if item not in rows:
            return 0.0
        weights = self.linear_weights[:, rows[item]]
        total, decay = 0.0, self.parameters["history_decay"]
        own = self.within(self.weights[user], LINEAR_LENGTH)
        for (age, near), (_, weight) in zip(self.within(self.moments[user], LINEAR_LENGTH), own, strict=True):
            if near in rows and (decay == 1 or decay**age >= SMALLEST_HISTORY_WEIGHT):
                total += weight * decay**age * weights[rows[near]]
        return 16 * total

    def target_rows(self):
        """Return item -> the row of T transposed."""
        rows = defaultdict(dict)
        for (earlier, later), units in self.transitions.items():
            rows[later][earlier] = units / TRANSITION_UNIT
        return rows

    def trend(self, item, half_life):
        """Return the floored log of an item's decayed number of events."""
        decay = 0.5 ** (1 / half_life)
        count = sum(self.weight_of[arrival] * decay ** (self.n_events - arrival) for arrival in self.arrivals[item])
        floor = 1e-3 / (len(self.trained) * (1 - decay))
        return np.log(max(count, floor))

    def parts(self, user):
        """Return part -> item -> value; parts with several weights have one each: (part, place)."""
        user_row, source_row = self.user_row(user), self.source_row(user)
        (z_u, met), z_s = self.encode_history(user), self.encode(source_row)
        parts, target_rows = defaultdict(dict), self.target_rows()
        for item in self.arrivals:
            for part, decoder, hidden, head in (
                ("collaborative", "collaborative", z_u, lambda x: 1 / (1 + np.exp(-x))),
                ("one_hop", "source", z_s, lambda x: max(x, 0)),
            ):
                weight, bias = self.decoders[decoder](item)
                parts[part][item] = head(weight @ hidden + bias) if self.is_paper else weight @ hidden + bias
            two_hop, z_t = z_s * met, self.encode(target_rows[item])
            if not self.is_paper:
                two_hop, z_t = 10 * unit(two_hop), unit(z_t)
            parts["two_hop"][item] = two_hop @ z_t
            for lag, logs in enumerate(self.lags(user, item)):
                parts["direct", lag][item] = logs
            parts["neighbours"][item] = self.neighbours(user, item)
            parts["linear"][item] = self.autoencoded(user, item)
            parts["repeat", 0][item] = np.log1p(20 * user_row.get(item, 0.0))
            parts["repeat", 1][item] = np.log1p(self.count(user, item))
            is_met = item in self.histories[user]
            parts["repeat", 2][item] = -float(is_met)
            parts["repeat", 3][item] = -is_met * next(iter(self.lags(user, item)))
        for place, half_life in enumerate(self.parameters["trend_half_lives"]):
            parts["trend", place] = {item: self.trend(item, half_life) for item in self.arrivals}
        return parts

    def factors(self, user, at):
        """Return by what the gate multiplies each part."""
        if self.gate is None:
            return {}
        last, before = ([np.nan, np.nan] + self.times[user])[:-3:-1]
        moment = self.moments[user][-1]
        waits = [np.log1p(max(wait, 0)) if wait == wait else np.nan for wait in (at - last, last - before)]
        popular = np.mean([np.log1p(len(self.arrivals[item])) for item in moment])
        phi = [*waits, np.log1p(len(self.histories[user])), popular]
        phi = [(x - mean) / scale for x, mean, scale in zip(phi, self.gate.means, self.gate.scales, strict=True)]
        phi = [min(max(x, -4), 4) if x == x else 0 for x in phi]
        return {part: np.exp(np.clip(np.dot(row, phi), -2, 2)) for part, row in self.gate.coefficients.items()}

    def newest_time(self):
        """Return the newest time of all events that are known."""
        return max((event[3] for event in self.events if len(event) == 4), default=np.nan)

    def scores(self, user, at=None):
        """Return item -> score for every known item, asked for at a time, or at the newest time known."""
        if not self.histories.get(user):
            return {item: self.cold_score(item) for item in self.arrivals}
        parts = self.parts(user)
        weights, factors = {}, self.factors(user, self.newest_time() if at is None else at)
        for part, weight in self.blend.items():
            each, factor = (weight if isinstance(weight, tuple) else (weight,)), factors.get(part, 1)
            names = [(part, place) for place in range(len(each))] if isinstance(weight, tuple) else [part]
            weights |= {name: factor * w for name, w in zip(names, each, strict=True)}
        return {item: sum(weight * parts[part][item] for part, weight in weights.items()) for item in self.arrivals}

    def cold_score(self, item):
        if self.cold_blend["popularity"]:
            return float(self.mass(item))
        score = self.cold_blend["collaborative"] * self.decoders["collaborative"](item)[1]
        score += self.cold_blend["one_hop"] * self.decoders["source"](item)[1]
        for half_life, weight in zip(self.parameters["trend_half_lives"], self.cold_blend["trend"], strict=True):
            score += weight * self.trend(item, half_life)
        return score

    def eligible_scores(self, user, exclude_seen=None, at=None):
        exclude_seen = self.parameters["exclude_seen"] if exclude_seen is None else exclude_seen
        seen = set(self.histories.get(user, ())) if exclude_seen else set()
        return {
            item: score
            for item, score in self.scores(user, at).items()
            if item not in seen and (user, item) not in self.dislikes
        }

    def reciprocal_rank_bounds(self, user, item, *time):
        """Return the smallest and the largest reciprocal rank that the tie rule allows, given float32 rounding.

        Scores whose difference is within a rounding of the tolerance may fall on either side of it.
        """
        scores = self.eligible_scores(user, at=time[0] if time else np.nan)
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

    def place(self, row, ties):
        """Return what the rows of a log are sorted by when it is walked."""
        time = plain_row(row)[0][2:]
        return (time, *row[:2], *row[3:]) if time and ties == "together" else time

    def walk_forward(self, log, ties="row"):
        """Return one (smallest, largest) reciprocal rank per event of a log, in time order."""
        rows = sorted(log, key=lambda row: self.place(row, ties))
        bounds = []
        start = 0
        while start < len(rows):
            stop = start + 1
            while (
                ties == "together"
                and len(plain_row(rows[0])[0]) == 3
                and stop < len(rows)
                and rows[stop][2] == rows[start][2]
            ):
                stop += 1
            bounds += [self.reciprocal_rank_bounds(*plain_row(row)[0]) for row in rows[start:stop]]
            for event, weight in map(plain_row, rows[start:stop]):
                self.let_in(*event, weight=weight)
            start = stop
        return np.array(bounds)


def unit(vector):
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-12 else vector * 0
