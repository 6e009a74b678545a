"""Speed of walking forward, of updates and of answers, each beside the plain way of doing the same.

Walking forward is compared with a dense model that encodes every row of every matrix anew for each event, as the
published code does; both must give the same reciprocal ranks. A bulk update is compared with one call per event, and
answers with the bare matrix product that scoring needs. Everything is measured in one run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender, Interactions
from skautoseqrec._walk_forward import TIE_TOLERANCE
from skautoseqrec.datasets import load_interactions, make_interactions
from skautoseqrec.model_selection import temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder

#: Float32 products of different shape differ by about this: scores so close to a tie's edge may fall on either side.
ROUNDING = 4e-6
BATCH_SIZES = (1, 32, 1024)
LINE = "{:>10}  {:<40}{:>12}{:>12}  {}"

Line = tuple[str, float, float | None, str]  # what is measured, the package's figure, the plain one, what that is


class DenseModel:
    """The published formula under a recommender's weights, every matrix dense and encoded anew for every answer."""

    def __init__(self, recommender: AutoSeqRecRecommender, fitted: Interactions) -> None:
        self.module, self.blend = recommender.module_, recommender.blend_
        n_users, n_items = len(fitted.user_ids), len(fitted.item_ids)
        # Items that training did not meet: no weights in the encoder, the mean weights in the decoders.
        n_new = n_items - self.module.n_items
        self.encoder_weight = pad(self.module.encoder_weight, (0, 0, 0, n_new))
        self.decoders = {}
        for name, decoder in self.module.decoders.items():
            weight = torch.cat([decoder.weight, decoder.weight.mean(0).expand(n_new, -1)])
            self.decoders[name] = weight, torch.cat([decoder.bias, decoder.bias.mean().expand(n_new)])
        self.user_item = torch.zeros(n_users, n_items)
        self.transitions = torch.zeros(n_items, n_items)
        self.popularity = torch.zeros(n_items)
        self.last: dict[int, int] = {}  # user -> item
        # Codes are given in order of first appearance, as fit gives them, so they are rows of the weights.
        self.user_codes: dict[Any, int] = {}
        self.item_codes: dict[Any, int] = {}
        for user, item in id_pairs(fitted):
            self.let_in(user, item)

    def walk(self, pairs: list[tuple[Any, Any]]) -> NDArray[np.float64]:
        """Return the bounds of each event's reciprocal rank, shape (2, n_events), letting it in afterwards."""
        bounds = []
        for pair in pairs:
            bounds.append(self.reciprocal_rank_bounds(*pair))
            self.let_in(*pair)
        return np.array(bounds).T

    def reciprocal_rank_bounds(self, user_id: Any, item_id: Any) -> tuple[float, float]:
        """Return the least and the greatest reciprocal rank of a user's next item that rounding allows."""
        user, item = self._encode(user_id, item_id)
        eligible = (self.popularity > 0) & (self.user_item[user] == 0)
        if not eligible[item]:
            return 0.0, 0.0
        scores = self.scores(user)
        margins = scores[eligible] - scores[item]
        unit = scores[self.popularity > 0].abs().max()
        values = []
        for slack in (-ROUNDING, ROUNDING):
            higher = (margins > (TIE_TOLERANCE + slack) * unit).sum().item()
            tied = (margins >= (slack - TIE_TOLERANCE) * unit).sum().item() - higher - 1
            values.append(1 / (1 + higher + tied / 2))
        return values[0], values[1]

    def scores(self, user: int) -> Tensor:
        """Return the score of every item."""
        if user not in self.last:
            return self.popularity
        z_u, z_s, z_t = (
            self.module.activate(rows @ self.encoder_weight)
            for rows in (self.user_item, self.transitions, self.transitions.T)
        )
        z_u, z_s = z_u[user], z_s[self.last[user]]
        (weight_u, bias_u), (weight_s, bias_s) = self.decoders["collaborative"], self.decoders["source"]
        return (
            self.blend["collaborative"] * torch.sigmoid(weight_u @ z_u + bias_u)
            + self.blend["one_hop"] * torch.relu(weight_s @ z_s + bias_s)
            + self.blend["two_hop"] * (z_t @ (z_s * z_u))
        )

    def let_in(self, user_id: Any, item_id: Any) -> None:
        """Add an event to the matrices."""
        user, item = self._encode(user_id, item_id)
        if user in self.last:
            self.transitions[self.last[user], item] += 1
        self.user_item[user, item] += 1
        self.popularity[item] += 1
        self.last[user] = item

    def _encode(self, user_id: Any, item_id: Any) -> tuple[int, int]:
        user = self.user_codes.setdefault(user_id, len(self.user_codes))
        return user, self.item_codes.setdefault(item_id, len(self.item_codes))


def main() -> None:
    """Print one table per log."""
    options = parse_options()
    if not options.data:
        X = make_interactions(n_users=1000, n_items=1000, n_events=50_000, random_state=0)
        compare("synthetic", InteractionEncoder().fit_transform(X), options)
    for path in options.data:
        compare(path.name, load_interactions(path), options)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, default=[], metavar="FILE", help="default: a synthetic log")
    parser.add_argument("--max-iter", type=int, default=3, help="epochs; speed does not depend on the weights")
    parser.add_argument("--slow-events", type=int, default=30, metavar="N", help="events that the dense model ranks")
    return parser.parse_args()


def compare(title: str, log: Interactions, options: argparse.Namespace) -> None:
    """Fit on the first nine tenths of a log and print how fast everything goes from there."""
    fitted, arriving = temporal_train_test_split(log, test_size=0.1)
    recommender = AutoSeqRecRecommender(**{**PAPER_PARAMS, "max_iter": options.max_iter}, random_state=0).fit(fitted)
    print(f"\n{title}: {log}, {len(arriving):,} arriving; {torch.get_num_threads()} torch threads")
    print(LINE.format("ratio", "", "package", "plain", "(plain is)"))
    lines = chain(
        compare_walking(recommender, fitted, arriving, options.slow_events),
        compare_updates(recommender, arriving),
        compare_answers(recommender),
    )
    for what, package, plain, plain_is in lines:
        ratio, figure = ("", "") if plain is None else (f"{package / plain:,.2f} x", f"{plain:,.1f}")
        print(LINE.format(ratio, what, f"{package:,.1f}", figure, plain_is), flush=True)


def compare_walking(
    recommender: AutoSeqRecRecommender, fitted: Interactions, arriving: Interactions, n_slow: int
) -> Iterator[Line]:
    """Yield how fast events are ranked and let in, one after the other."""
    dense, pairs = DenseModel(recommender, fitted), id_pairs(arriving)[:n_slow]
    start = perf_counter()
    least, greatest = dense.walk(pairs)
    dense_seconds = perf_counter() - start
    values = recommender.score_samples(arriving)
    seconds = np.median(time_calls(recommender.score_samples, [arriving] * 3))
    first = values[: len(pairs)]
    same = (least - 1e-12 <= first) & (first <= greatest + 1e-12)
    if not same.all():
        raise SystemExit(f"The reciprocal rank of event {int((~same).argmax())} differs from the dense model's.")
    plain_is = f"dense re-encoding, first {len(pairs)} events (same reciprocal ranks)"
    yield "walking forward, events/s", len(values) / seconds, len(pairs) / dense_seconds, plain_is


def compare_updates(recommender: AutoSeqRecRecommender, arriving: Interactions) -> Iterator[Line]:
    """Yield how fast events are let in, all at once and one per call."""
    rows = np.asarray(arriving)
    one_by_one = time_calls(deepcopy(recommender).partial_update, np.split(rows, len(rows)))
    at_once = time_calls(deepcopy(recommender).partial_update, [rows])
    yield (
        "partial_update in one call, events/s",
        len(rows) / at_once.sum(),
        len(rows) / one_by_one.sum(),
        "event by event",
    )
    yield "partial_update of one event, median us", float(np.median(one_by_one) * 1e6), None, ""


def compare_answers(recommender: AutoSeqRecRecommender) -> Iterator[Line]:
    """Yield how fast users are answered, in batches of several sizes."""
    rng = np.random.default_rng(0)
    n_hidden = 3 * recommender.n_components  # three decoders, each a product over the hidden components
    items = torch.rand(len(recommender.item_ids_), n_hidden)
    for size in BATCH_SIZES:
        batches = rng.choice(recommender.user_ids_, size=(max(10, 512 // size), size))
        queries = torch.rand(size, n_hidden)
        answers = np.median(time_calls(recommender.predict_topk, batches))
        products = np.median(time_calls(lambda batch, queries=queries: queries @ items.T, batches))
        yield f"predict_topk by {size}, users/s", size / answers, size / products, "the bare matrix product"


def time_calls(function: Callable[[Any], Any], arguments: Iterable[Any]) -> NDArray[np.float64]:
    """Return the seconds of each call of a function."""
    seconds = []
    for argument in arguments:
        start = perf_counter()
        function(argument)
        seconds.append(perf_counter() - start)
    return np.array(seconds)


def id_pairs(log: Interactions) -> list[tuple[Any, Any]]:
    """Return the user and the item of each event."""
    columns = log.to_columns()
    return list(zip(columns.users.tolist(), columns.items.tolist(), strict=True))


if __name__ == "__main__":
    main()
