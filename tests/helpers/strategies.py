"""Hypothesis writes the logs: string and int ids, repeats, ties, one-event users, unsorted rows."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.settings import SequenceSettings
from skautoseqrec._network.heads import HEADS
from skautoseqrec._network.module import HISTORY_ENCODERS
from skautoseqrec._scoring.gate import FEATURES, GATED_PARTS, Gate
from skautoseqrec._scoring.parts import PARTS
from skautoseqrec._scoring.scorer import Serving

TIMES = st.integers(0, 12)


@st.composite
def logs(draw, min_size=1, max_size=40, timed=None, kind=None, n_users=5, n_items=7, times=TIMES):
    """Draw a log as a list of (user, item) or (user, item, time)."""
    kind = kind or draw(st.sampled_from(["int", "str"]))
    timed = draw(st.booleans()) if timed is None else timed
    user, item = st.integers(0, n_users - 1), st.integers(0, n_items - 1)
    if kind == "str":
        user, item = user.map(lambda code: f"user {code}"), item.map(lambda code: f"0{code}")
    else:
        user, item = user.map(lambda code: code * 1000 - 7), item.map(lambda code: 10 - code)
    row = st.tuples(user, item, times) if timed else st.tuples(user, item)
    return draw(st.lists(row, min_size=min_size, max_size=max_size))


class Timed(NamedTuple):
    """A row whose event counts something, by the names that a log has."""

    user_id: Any
    item_id: Any
    timestamp: int
    weight: float


class Untimed(NamedTuple):
    """The same without a time."""

    user_id: Any
    item_id: Any
    weight: float


#: Weights, all of which may be 1, and of which one is less than half a unit and one is rounded.
WEIGHTS = st.sampled_from([0.0, 1e-9, 0.2, 0.5, 1.0, 1.0, 3.0])


def with_weights(log, weights):
    """Return rows with the weight of each, by name."""
    make = Timed if len(log[0]) == 3 else Untimed
    return [make(*row, weight) for row, weight in zip(log, weights, strict=True)]


@st.composite
def weighted_logs(draw, n_parts, min_size=1, **options):
    """Draw logs as :func:`consecutive_logs` does, with weights; the first has one above 0."""
    parts = draw(consecutive_logs(n_parts, min_size, **options))
    lists = [draw(st.lists(WEIGHTS, min_size=len(part), max_size=len(part))) for part in parts]
    if not any(lists[0]):
        lists[0][0] = 1.0
    return [with_weights(part, weights) for part, weights in zip(parts, lists, strict=True)]


@st.composite
def consecutive_logs(draw, n_parts, min_size=1, max_size=25, **options):
    """Draw logs of which each is not earlier than the one before."""
    kind, timed = draw(st.sampled_from(["int", "str"])), draw(st.booleans())
    parts = []
    for part in range(n_parts):
        times = st.integers(part * 5, part * 5 + 5)
        size = {"min_size": min_size, "max_size": max_size}
        parts.append(draw(logs(**size, timed=timed, kind=kind, times=times, **options)))
    return parts


@st.composite
def blends(draw, settings, heads):
    """Draw fixed weights of the parts of a score, not all zero."""
    weights = st.sampled_from([0.0, 0.3, 2.0])
    terms = {
        part.NAME: tuple(
            0.0 if part.IS_NEURAL and part.NAME not in heads.PARTS else draw(weights)
            for _ in range(part.n_weights(settings))
        )
        for part in PARTS
    }
    terms |= {} if any(map(any, terms.values())) else {"neighbours": (1.0,)}
    return {part.NAME: terms[part.NAME][0] if part.PER is None else terms[part.NAME] for part in PARTS}


def blends_of(parameters):
    """Return fixed weights for an estimator with these parameters."""
    names = (field.name for field in dataclasses.fields(SequenceSettings))
    return blends(SequenceSettings(**{name: parameters[name] for name in names}), HEADS[parameters["objective"]])


@st.composite
def gates(draw):
    """Draw a gate, or none."""
    number = st.sampled_from([-3.0, -0.4, 0.0, 0.1, 2.0])
    if draw(st.booleans()):
        return None
    means, *rows = (np.array(draw(st.tuples(*[number] * len(FEATURES)))) for _ in range(1 + len(GATED_PARTS)))
    scales = np.array(draw(st.tuples(*[st.sampled_from([0.2, 1.0, np.inf])] * len(FEATURES))))
    return Gate(means, scales, dict(zip(GATED_PARTS, rows, strict=True)))


def gated(recommender, gate):
    """Give a fitted recommender a gate in place of its own, and return it."""
    state, scorer = recommender._serving
    recommender._serving = Serving(state, dataclasses.replace(scorer, gate=gate))
    return recommender


@st.composite
def recommenders(draw, **fixed):
    """Draw an unfitted recommender, small enough to be trained hundreds of times."""
    n_trends = draw(st.integers(0, 3))
    objective = fixed.get("objective") or draw(st.sampled_from(["paper", "multinomial", "closed_form"]))
    ties = fixed.get("ties") or draw(st.sampled_from(["row", "together"]))
    has_encoders = objective == "multinomial" and ties == "row"  # items of one time have no order to be read in
    encoders = ["auto", "shared", *HISTORY_ENCODERS] if has_encoders else ["shared"]
    parameters = {
        "objective": objective,
        "history_encoder": draw(st.sampled_from(encoders)),
        "weight_averaging": draw(st.sampled_from([0.0, 0.9])),
        "n_negatives": draw(st.sampled_from([None, 2] if objective == "multinomial" else [None])),
        "n_components": draw(st.sampled_from([1, 3, 8])),
        "max_iter": draw(st.integers(1, 3)),
        "batch_size": draw(st.sampled_from([2, 64])),
        "learning_rate": 0.05,
        "activation": draw(st.sampled_from(["relu", "tanh", "identity", "logistic"])),
        "transition_window": draw(st.integers(1, 4)),
        "transition_decay": draw(st.sampled_from([0.3, 0.7, 1.0])),
        "history_decay": draw(st.sampled_from([0.3, 0.9, 1.0])),
        "context_size": draw(st.integers(1, 3)),
        "context_decay": draw(st.sampled_from([0.5, 1.0])),
        "trend_half_lives": (2.0, 30.0, 3000.0)[:n_trends],
        "neighbour_window": draw(st.sampled_from([0, 1, 3, 20])),
        "neighbour_decay": draw(st.sampled_from([0.3, 1.0])),
        "ties": ties,
        "linear_penalty": draw(st.sampled_from([None, 2.0])),
        "early_stopping": False,
        "exclude_seen": draw(st.booleans()),
        "device": "cpu",
        "random_state": draw(st.integers(0, 3)),
    }
    parameters |= fixed
    if "blend" not in fixed:
        parameters["blend"] = draw(blends_of(parameters))
    return AutoSeqRecRecommender(**parameters)
