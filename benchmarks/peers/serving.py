"""What a service pays for a fitted model: one answer, and one event that comes in by itself."""

from __future__ import annotations

from time import process_time

import numpy as np

from skautoseqrec import AutoSeqRecRecommender, Interactions

from .replay import Event, Replay

__all__ = ["time_single"]

#: Answers, and events.
N_SINGLE = 200
N_RECOMMENDED = 10


def time_single(model: AutoSeqRecRecommender | Replay, walked: Interactions) -> dict[str, float]:
    """Return the mean CPU seconds of recommending to one user, and of letting in one event.

    The newest events of a walk are asked for and let in once more, an answer before each event; what the model is worth
    afterwards does not matter. It is a mean, so that what learns anew every so many events pays for that.

    Parameters
    ----------
    model : AutoSeqRecRecommender or Replay
        A fitted model.
    walked : Interactions
        What it has been walked over.
    """
    newest = walked[-N_SINGLE:]
    single = _time_rival if isinstance(model, Replay) else _time_ours
    answers, events = single(model, newest)
    return {"answer_seconds": answers / len(newest), "event_seconds": events / len(newest)}


def _time_ours(model: AutoSeqRecRecommender, newest: Interactions) -> tuple[float, float]:
    rows, users = np.asarray(newest), newest.user_ids[newest.users]
    model.predict_topk(users[:1], k=N_RECOMMENDED)  # what all answers share is formed with the first
    answers = events = 0.0
    for place in range(len(newest)):
        started = process_time()
        model.predict_topk(users[place : place + 1], k=N_RECOMMENDED)
        answered = process_time()
        model.partial_update(rows[place : place + 1])
        answers, events = answers + answered - started, events + process_time() - answered
    return answers, events


def _time_rival(model: Replay, newest: Interactions) -> tuple[float, float]:
    answers = events = 0.0
    for event in model.events_of(newest, newest.to_columns().time_order()):
        started = process_time()
        _recommend(model, event)
        answered = process_time()
        model.advance([event])
        answers, events = answers + answered - started, events + process_time() - answered
    return answers, events


def _recommend(model: Replay, event: Event) -> list[int]:
    """Return the items that score highest for the user of an event at its time."""
    user, _, time = event
    (scores,) = model.answers([model.question(user, time)])
    eligible = model.known.copy()
    if model.exclude_seen:
        eligible[model.histories[user]] = False
    scores = np.where(eligible, scores, -np.inf)
    best = np.argpartition(-scores, min(N_RECOMMENDED, len(scores)) - 1)[:N_RECOMMENDED]
    return best[np.argsort(-scores[best])].tolist()
