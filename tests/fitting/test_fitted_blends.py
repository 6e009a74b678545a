"""Each part of a fitted blend gets the weight of its own features: by name, wherever it stands among the others."""

from itertools import combinations

import numpy as np
import pytest
from comparisons import assert_same_weights
from worlds import LEARNING

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._fitting import validation
from skautoseqrec._scoring.blend import part_of
from skautoseqrec._scoring.parts import PARTS

PARAMETERS = LEARNING | {
    "n_components": 16,
    "max_iter": 15,
    "learning_rate": 0.01,
    "history_encoder": "shared",
    "transition_window": 1,
    "context_size": 1,
    "trend_half_lives": (30.0,),
    "exclude_seen": False,
}
MIXTURE = [0.1, 0.65, 0.15, 0.05, 0.05]
UNIT = {part.NAME: 1.0 if part.PER is None else (1.0,) for part in PARTS} | {"repeat": (1.0, 0.0, 0.0, 0.0)}
#: What "repeat" is beside the decayed counts.
OTHER_COUNTS = {f"repeat {place}": tuple(map(float, np.arange(4) == place)) for place in (1, 2, 3)}


def tastes(rng):
    """Every fourth item is one of what people of a kind like, and nothing in between tells of which kind one is."""
    rows = []
    for user in range(300):
        liked, others = rng.permutation(12)[:6] + 100 * (1 + user % 8), rng.permutation(40)
        sequence = [item for k in range(6) for item in (liked[k], *others[3 * k : 3 * k + 3])]
        rows += [(step + rng.random(), user, int(item)) for step, item in enumerate(sequence)]
    return [(user, item) for _, user, item in sorted(rows)]


def steps(rng):
    """An item is mostly followed by the same one, whoever it is."""
    places, rows = rng.integers(50, size=100), []
    for user in rng.permuted(np.tile(np.arange(100), (25, 1)), axis=1).ravel():
        places[user] = (places[user] + 1) % 50 if rng.random() < 0.8 else rng.integers(50)
        rows.append((int(user), int(places[user])))
    return rows


def habits(rng):
    """Everybody has three items, again and again."""
    favourites = [rng.choice(60, 3, replace=False) for _ in range(60)]
    return [(int(user), int(rng.choice(favourites[user]))) for user in rng.integers(60, size=2400)]


def fashions(rng):
    """Three items are what everybody takes, for forty events; then there are three others."""
    current = [rng.choice(60, 3, replace=False) for _ in range(150)]
    items = [rng.choice(current[event // 40]) if rng.random() < 0.8 else rng.integers(60) for event in range(6000)]
    return [(int(user), int(item)) for user, item in zip(rng.integers(800, size=6000), items, strict=True)]


@pytest.mark.parametrize(
    ("world", "right", "changes"),
    [
        (tastes, "collaborative", {"exclude_seen": True}),  # or they would come back to what they like
        (steps, "direct", {}),
        (habits, "repeat", {"neighbour_window": 0, "linear_penalty": None}),  # the favourites of one are neighbours
        (fashions, "trend", {}),
    ],
    ids=lambda world: getattr(world, "__name__", None),
)
def test_the_part_that_alone_is_right_gets_the_weight(world, right, changes):
    blend = AutoSeqRecRecommender(**PARAMETERS | changes).fit(world(np.random.default_rng(1))).blend_
    weights = {name: float(np.sum(weight)) for name, weight in blend.items()}
    assert weights[right] > 1
    assert all(weight < weights[right] / 2 for name, weight in weights.items() if name != right)


#: The fixed blend, in which trends share their weight.
FIXED = {part.NAME: part.DEFAULT_WEIGHT for part in PARTS} | dict.fromkeys(OTHER_COUNTS, 0.0)


class Replay:
    """The newest events of a log as a slow validation: what ``explain`` says of each part just before each event.

    Parameters
    ----------
    recommender : AutoSeqRecRecommender
        Fitted on the part before, whose every part weighs 1.
    log : list of (user, item)
        What came next.
    """

    def __init__(self, recommender, log):
        self.events = {"known": [], "new": []}
        for user, item in log:
            if item in recommender.item_ids_:
                kind = "known" if user in recommender.user_ids_ else "new"
                parts = recommender.explain([user], recommender.item_ids_).parts
                for name, weights in OTHER_COUNTS.items():
                    only = recommender.with_blend({"repeat": weights})
                    parts[name] = only.explain([user], recommender.item_ids_).parts["repeat"]
                if kind == "new":
                    parts = biases_of(recommender) | {"trend": parts["trend"]}
                target = recommender.item_ids_.tolist().index(item)
                self.events[kind].append((target, {name: part[0].astype(float) for name, part in parts.items()}))
            recommender.partial_update([(user, item)])

    def likelihood(self, kind, weights):
        """Return the mean log-likelihood of the true items, of which none is taken for less likely than 1 %.

        Of users with a history, less the prior: weights are normal around those of the fixed blend.
        """
        logs = []
        for target, parts in self.events[kind]:
            scores = sum(weight * parts[name] for name, weight in weights.items())
            odds = np.exp(scores - scores.max())
            logs.append(np.log(0.01 + odds[target] / odds.sum()))
        prior = sum((weight - FIXED[name]) ** 2 for name, weight in weights.items()) if kind == "known" else 0
        return np.mean(logs) - prior / (2 * len(logs))


def biases_of(recommender):
    """Return what each decoder expects of somebody without a history, by the name of the part that it is of."""
    decoders = recommender.module_.decoders
    names = {"collaborative": "collaborative", "one_hop": "source"}
    return {part: decoders[decoder].bias.numpy()[None] for part, decoder in names.items()}


def mixed_world():
    """People of some taste and some habits, items that follow each other, and fashions; a third of them come once."""
    rng = np.random.default_rng(0)
    current, followers, last, rows = rng.integers(60, size=1000), rng.permutation(60), {}, []
    for event in range(3000):
        user = int(rng.integers(300)) if rng.random() < 0.7 else 10_000 + event
        liked, fashion = 15 * (user % 4) + rng.integers(15), current[event // 50]
        before = last.get(user, liked)
        item = int(rng.choice([followers[before], liked, fashion, before, rng.integers(60)], p=MIXTURE))
        rows.append((user, item))
        last[user] = item
    return rows


@pytest.fixture(scope="module")
def fitted_and_replayed():
    """A recommender whose blend is fitted, and its validation, replayed with the weights that it had then."""
    log = mixed_world()
    parameters = PARAMETERS | {"refit": False}
    start = len(log) - round(0.1 * len(log))
    fitted = AutoSeqRecRecommender(**parameters).fit(log)
    fixed = {"blend": UNIT, "early_stopping": False, "max_iter": fitted.n_iter_}
    before = AutoSeqRecRecommender(**parameters | fixed).fit(log[:start])
    assert_same_weights(before, fitted)
    return fitted, before, Replay(before, log[start:])


def assert_most_likely(replay, kind, weights, left_out=()):
    """See that no weight can be changed by a fifth, and no two weights change places, for the better."""
    likelihood, largest = replay.likelihood(kind, weights), max(weights.values())
    assert len(replay.events[kind]) >= 50
    for name in set(weights) - set(left_out):
        for other in [0.8 * weights[name], 1.2 * weights[name]] if weights[name] else [0.1 * largest]:
            assert replay.likelihood(kind, weights | {name: other}) < likelihood
    for one, other in combinations(sorted(set(weights) - set(left_out)), 2):
        if weights[one] != pytest.approx(weights[other], rel=0.2):
            assert replay.likelihood(kind, weights | {one: weights[other], other: weights[one]}) < likelihood


def test_fitted_weights_are_the_most_likely_ones_of_what_explain_calls_by_their_names(fitted_and_replayed):
    fitted, _, replay = fitted_and_replayed
    weights = {name: float(np.ravel(weight)[0]) for name, weight in fitted.blend_.items()}
    weights |= dict(zip(OTHER_COUNTS, fitted.blend_["repeat"][1:], strict=True))
    assert sum(weight > 0.05 for weight in weights.values()) >= 4
    assert_most_likely(replay, "known", weights, left_out=["one_hop"])


def test_so_are_those_of_people_without_a_history(fitted_and_replayed):
    fitted, before, replay = fitted_and_replayed
    weighted, fixed = (model.explain([-1], model.item_ids_).parts for model in (fitted, before))
    features = biases_of(fitted) | {"trend": fixed["trend"]}  # which weighs 1 where nothing is fitted
    weights = {name: float(np.ptp(weighted[name]) / np.ptp(feature)) for name, feature in features.items()}
    assert sum(weight > 0.05 for weight in weights.values()) == 3
    assert_most_likely(replay, "new", weights)


@pytest.mark.parametrize(
    ("changes", "silent"),
    [
        ({}, ["one_hop"]),
        ({"exclude_seen": True}, ["one_hop", "repeat"]),
        ({"neighbour_window": 0}, ["one_hop", "neighbours"]),
        ({"linear_penalty": None}, ["one_hop", "linear"]),
        ({"objective": "closed_form"}, ["collaborative", "one_hop", "two_hop"]),
    ],
    ids=str,
)
def test_what_has_no_say_is_not_scored_and_weighs_nothing(monkeypatch, changes, silent):
    scored = {True: set(), False: set()}

    def each(view, model, wanted, cold, each_term=validation._each_term):
        for name, scores in each_term(view, model, wanted, cold):
            scored[cold].add(part_of(name))
            yield name, scores

    monkeypatch.setattr(validation, "_each_term", each)
    rows = enumerate(steps(np.random.default_rng(0))[:1500])
    log = [(user if time % 5 else 1000 + time, item, time) for time, (user, item) in rows]  # every fifth is a newcomer
    recommender = AutoSeqRecRecommender(**PARAMETERS | {"max_iter": 2} | changes).fit(log)
    assert scored[False] == {part.NAME for part in PARTS} - set(silent)
    assert {name for name, weight in recommender.blend_.items() if not np.any(weight)} >= set(silent)
    of_newcomers = {part.NAME for part in PARTS if part.SERVES_COLD}
    assert scored[True] == of_newcomers - set(silent if "objective" in changes else ())


def test_of_a_given_blend_only_what_weighs_anything_is_scored(monkeypatch):
    scored = set()

    def each(view, model, wanted, cold, each_term=validation._each_term):
        for name, scores in each_term(view, model, wanted, cold):
            scored.add(name)
            yield name, scores

    monkeypatch.setattr(validation, "_each_term", each)
    blend = {"one_hop": 1.0, "repeat": (0.0, 2.0, 0.0, 0.0)}
    log = [(user, item, time) for time, (user, item) in enumerate(steps(np.random.default_rng(0))[:1500])]
    recommender = AutoSeqRecRecommender(**PARAMETERS | {"max_iter": 2, "blend": blend}).fit(log)
    assert scored == {"one_hop", "repeat 1"}
    assert recommender.blend_["one_hop"] == 1.0
    assert len(recommender.validation_scores_) == 2
