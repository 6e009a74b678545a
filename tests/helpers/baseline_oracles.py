"""The baselines, slow and obvious: ids instead of codes, everything counted anew for every question."""

from collections import Counter

import numpy as np
from oracle import in_time_order, plain_row

TRANSITION_UNIT = 2**20
SMALLEST_HISTORY_WEIGHT = 0.002
TIE_TOLERANCE = 1e-9


def in_order(log, by_moment=False):
    """Return the rows of a log in time order, ties in row order or in that of their ids."""
    return in_time_order(log, by_moment)


def weight_of(row):
    """Return what the event of a row counts, as it is rounded."""
    return plain_row(row)[1]


def history_of(events, user):
    return [row[1] for row in events if row[0] == user]


def faded(history, decay):
    """Return (item, weight) of the items that count, the newest first."""
    ages = enumerate(reversed(history))
    return [(item, decay**age) for age, item in ages if decay == 1 or decay**age >= SMALLEST_HISTORY_WEIGHT]


def popularity(events, user=None):
    counts = Counter()
    for row in events:
        counts[row[1]] += weight_of(row)
    return counts


def decayed_popularity(events, half_life):
    counts = Counter()
    for age, row in enumerate(reversed(events), start=1):
        counts[row[1]] += weight_of(row) * 0.5 ** ((age - 1) / half_life)
    logs = {item: np.log(count) for item, count in counts.items() if count}
    return {item: logs.get(item, min(logs.values(), default=0.0) - 1) for item in counts}


def transitions(events, window, decay):
    """Return (earlier, later) -> T."""
    counts, histories = Counter(), {}
    for row in events:
        user, item, *_ = row
        history = histories.setdefault(user, [])
        for step, earlier in enumerate(reversed(history[-window:])):
            units = round(round(decay**step * TRANSITION_UNIT) * weight_of(row))
            counts[earlier, item] += units / TRANSITION_UNIT
        history.append(item)
    return counts


def markov(events, user, parameters):
    counts = transitions(events, parameters["transition_window"], parameters["transition_decay"])
    last = history_of(events, user)[::-1][: parameters["context_size"]]
    decay = parameters["context_decay"]
    return {
        item: sum(decay**age * counts[earlier, item] for age, earlier in enumerate(last)) for item in popularity(events)
    }


def user_item(events):
    """Return the ids of items, and the matrix of ones."""
    users, items = (sorted({row[column] for row in events}) for column in (0, 1))
    matrix = np.zeros((len(users), len(items)))
    for user, item, *_ in events:
        matrix[users.index(user), items.index(item)] = 1
    return items, matrix


def similarities(events, parameters):
    """Return (item of the history, item) -> similarity."""
    items, matrix = user_item(events)
    n_users_of = matrix.sum(0)
    if parameters["weighting"] != "cosine":
        matrix = matrix * np.log(len(items) / (1 + matrix.sum(1)))[:, None]
    products = matrix.T @ matrix
    if parameters["weighting"] == "bm25":
        scales = 2.2 / (1.2 * (0.25 + 0.75 * n_users_of / n_users_of.mean()) + 1)
    else:
        norms = np.sqrt(np.diag(products))
        scales = np.array([1 / norm if norm > 0 else 0 for norm in norms])
    similar = products * scales[:, None] * scales
    np.fill_diagonal(similar, 0)
    n_neighbors = parameters["n_neighbors"]
    found = {}
    for row, item in zip(similar, items, strict=True):
        least = 0 if n_neighbors is None or n_neighbors >= len(row) else np.sort(row)[-n_neighbors]
        # What equals the last neighbour is one too, however its products were rounded.
        found |= {(item, other): value * (value >= least - 1e-12) for other, value in zip(items, row, strict=True)}
    return found


def autoencoder(events, parameters):
    """Return (item of the history, item) -> weight."""
    items, matrix = user_item(events)
    inverse = np.linalg.inv(matrix.T @ matrix + parameters["penalty"] * np.eye(len(items)))
    weights = np.eye(len(items)) - inverse / np.diag(inverse)
    return {(one, other): weights[i, j] for i, one in enumerate(items) for j, other in enumerate(items)}


def scores(recommender, fitted, later, user):
    """Return item -> score of every known item, given the events of the fit and those since, in order."""
    parameters, events = recommender.get_params(), fitted + later
    kind = type(recommender).__name__
    if kind == "DecayedPopularityRecommender":
        return decayed_popularity(events, parameters["half_life"])
    if kind == "PopularityRecommender" or not history_of(events, user):
        return popularity(events)
    if kind == "MarkovRecommender":
        return markov(events, user, parameters)
    if kind == "EASERecommender":
        weights = autoencoder(fitted, parameters)
    else:
        weights = similarities(events if parameters["weighting"] == "cosine" else fitted, parameters)
    history = faded(history_of(events, user), parameters["history_decay"])
    return {item: sum(w * weights.get((near, item), 0) for near, w in history) for item in popularity(events)}


def reciprocal_rank(scored, item, seen):
    """Return 1 / rank of an item among those that are not seen, ties at half; 0 if it is none of them."""
    competing = {other: score for other, score in scored.items() if other not in seen}
    if item not in competing:
        return 0.0
    tolerance = TIE_TOLERANCE * max(map(abs, competing.values()))
    target = competing.pop(item)
    n_higher = sum(score > target + tolerance for score in competing.values())
    n_tied = sum(abs(score - target) <= tolerance for score in competing.values())
    return 1 / (1 + n_higher + n_tied / 2)


def walk_forward(recommender, fitted, walked, ties="row"):
    """Return the reciprocal rank of each event of a log, in the order in which it is walked."""
    fitted, walked = in_order(fitted), in_order(walked, by_moment=ties == "together")
    values = []
    for place, (user, item, *_) in enumerate(walked):
        time = plain_row(walked[place])[0][2:]
        waits = ties == "together" and time
        visible = [row for row in walked[:place] if not (waits and row[2] == time[0])]
        seen = history_of(fitted + visible, user) if recommender.exclude_seen else []
        values.append(reciprocal_rank(scores(recommender, fitted, visible, user), item, seen))
    return np.array(values)
