"""Speed and memory of the default model: training, walking forward, updates, answers and files, each beside a floor.

A floor is what the hardware takes for the least that has to be done: the bare matrix products of the same shapes, or
moving the same bytes once. Beside it stand the authors' way (dense, everything encoded anew for every event) where the
log is small enough for it, and a peer that does the same job. Everything about a log is measured in one process and in
one run, so that ratios mean something on a busy machine; the numbers themselves are of the machine and the moment.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib.util import find_spec
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import joblib
import numpy as np
import torch
from dense import DenseModel, id_pairs
from numpy.typing import NDArray
from peers.sasrec import SASRec
from threadpoolctl import threadpool_limits
from timing import three_products, time_call, time_calls, time_history_products

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender, Interactions
from skautoseqrec._fit_settings import resolve_parameters
from skautoseqrec._fitting.fit import fit_bytes
from skautoseqrec._network.inputs import ItemSequences
from skautoseqrec._scoring.scorer import rows_per_block
from skautoseqrec._training.batches import Batch
from skautoseqrec._training.objectives import OBJECTIVES, MultinomialObjective
from skautoseqrec._utils.devices import multiplies_bfloat16
from skautoseqrec.datasets import load_interactions, make_interactions
from skautoseqrec.model_selection import temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder

#: Every part that a fitted blend may weigh weighs something, so that all of them are computed.
BLEND = {
    "collaborative": 1.0,
    "two_hop": 0.5,
    "direct": 0.5,
    "neighbours": 0.5,
    "linear": 0.5,
    "trend": (0.2,) * 4,
}
N_NEURAL_PARTS = 2
BATCH_SIZES = (1, 32, 1024)
#: With more items than this the authors' way does not run at all.
MOST_ITEMS_FOR_DENSE = 4000
LINE = "{:<46}{:>13}{:>13}{:>9}  {}"


class Line(NamedTuple):
    """One measurement, and what it is compared with in the same unit, if anything."""

    what: str
    measured: float
    other: float | None = None
    other_is: str = ""


class Shape(NamedTuple):
    """Size of the logits of a batch, and whether its inputs went through the history encoder's block."""

    n_rows: int
    n_candidates: int
    in_sequence: bool


class Shapes(MultinomialObjective):
    """The default objective, remembering the shape of each batch."""

    seen: list[Shape] = []

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return the loss."""
        self.seen.append(Shape(*logits.shape, isinstance(batch.inputs, ItemSequences)))
        return super().loss(logits, batch)


def main() -> None:
    """Print one table per log."""
    options = parse_options()
    for path in options.data or [None]:
        # A process of its own: the peak of memory is that of the process.
        process = get_context("spawn").Process(target=compare, args=(path, options))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(process.exitcode)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, default=[], metavar="FILE", help="default: a synthetic log")
    parser.add_argument("--components", type=int, default=256, help="size of the hidden representation")
    parser.add_argument("--epochs", type=int, default=2, help="epochs to time; speed does not depend on the weights")
    parser.add_argument("--walked", type=int, default=20_000, metavar="N", help="walk over the first N events only")
    parser.add_argument("--slow-events", type=int, default=30, metavar="N", help="events that slow peers rank")
    return parser.parse_args()


def compare(path: Path | None, options: argparse.Namespace) -> None:
    """Fit on the first nine tenths of a log and print how fast everything is, and how fast it could be."""
    log, title = read_log(path)
    fitted, rest = temporal_train_test_split(log, test_size=0.1)
    arriving = rest[: options.walked]
    print(f"\n{title}: {log}, {len(arriving):,} arriving; d = {options.components}, {torch.get_num_threads()} threads")
    print(LINE.format("", "measured", "other", "ratio", "(other is)"), flush=True)
    recommender = AutoSeqRecRecommender(
        options.components, max_iter=options.epochs, early_stopping=False, blend=BLEND, random_state=0
    )
    lines = chain(
        compare_training(recommender, fitted),
        compare_walking(recommender, fitted, arriving, options),
        compare_updates(recommender, rest),
        compare_answers(recommender, fitted),
        compare_files(recommender),
    )
    for line in lines:
        ratio, other = ("", "") if line.other is None else (f"{line.measured / line.other:.2f} x", figure(line.other))
        print(LINE.format(line.what, figure(line.measured), other, ratio, line.other_is), flush=True)


def read_log(path: Path | None) -> tuple[Interactions, str]:
    """Return a log and its title."""
    if path is not None:
        return load_interactions(path), path.name
    X = make_interactions(n_users=1000, n_items=1000, n_events=50_000, random_state=0)
    return InteractionEncoder().fit_transform(X), "synthetic"


def compare_training(recommender: AutoSeqRecRecommender, fitted: Interactions) -> Iterator[Line]:
    """Fit the recommender; yield the seconds of an epoch and the peak of memory."""
    OBJECTIVES["multinomial"] = Shapes
    try:
        seconds = {n: time_call(recommender.set_params(max_iter=n).fit, fitted) for n in (1, 1 + recommender.max_iter)}
    finally:
        OBJECTIVES["multinomial"] = MultinomialObjective
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    n_epochs = recommender.n_iter_ - 1
    epoch = (seconds[1 + n_epochs] - seconds[1]) / n_epochs
    shapes = Shapes.seen[-len(Shapes.seen) * n_epochs // (n_epochs + 2) :]
    d = recommender.n_components
    products = n_products = 0.0
    for shape in shapes[:: max(1, len(shapes) // 50)]:
        layers = [(d, shape.n_candidates), *((d, 2 * d), (2 * d, d)) * shape.in_sequence]
        for n_inputs, n_outputs in layers:
            arguments = torch.randn(shape.n_rows, n_inputs), torch.randn(n_outputs, n_inputs)
            products += time_call(three_products, (*arguments, torch.randn(shape.n_rows, n_outputs)))
        n_products += 1
    floor = products / n_products * len(shapes) / n_epochs
    yield Line("seconds per epoch", epoch, floor, "the bare products of its layers, forward and backward")
    yield Line("rows of training per second", sum(shape.n_rows for shape in shapes) / n_epochs / epoch)
    counts = recommender._serving.state.snapshot.base.counts
    settings = resolve_parameters(recommender.get_params(deep=False)).for_log(counts)
    yield Line("peak memory after fits, GiB", peak, fit_bytes(counts, settings) / 2**30, "the estimate of fit")


def compare_walking(
    recommender: AutoSeqRecRecommender, fitted: Interactions, arriving: Interactions, options: argparse.Namespace
) -> Iterator[Line]:
    """Yield how fast events are ranked and let in, one after the other."""
    seconds = np.median(time_calls(recommender.score_samples, [arriving] * 3))
    pace, n_items, d = len(arriving) / seconds, len(recommender.item_ids_), recommender.n_components
    block = rows_per_block(n_items)
    items, queries, bias = (
        torch.randn(n_items, N_NEURAL_PARTS * d),
        torch.randn(block, N_NEURAL_PARTS * d),
        torch.randn(n_items),
    )
    product = np.median(time_calls(lambda _: torch.addmm(bias, queries, items.T), range(20)))
    yield Line("walking forward, events/s", pace, block / product, f"the bare product, {block} events at a time")
    changes = torch.randn(d, block)  # of the items by the events of a block
    product += np.median(time_calls(lambda _: queries[:, :d] @ changes, range(20)))
    product += time_history_products(recommender, block)
    yield Line("the same", pace, block / product, "all bare products: changes and histories too")
    first = arriving[: options.slow_events * 10]
    sasrec = SASRec(d, max_iter=0).fit(fitted)
    yield Line(
        "the same", pace, len(first) / time_call(sasrec.score_samples, first), f"SASRec of {d} components, untrained"
    )
    if n_items > MOST_ITEMS_FOR_DENSE:
        return
    paper = AutoSeqRecRecommender(**{**PAPER_PARAMS, "max_iter": 2, "n_components": d}, random_state=0).fit(fitted)
    dense, pairs = DenseModel(paper, fitted), id_pairs(arriving)[: options.slow_events]
    start = perf_counter()
    least, greatest = dense.walk(pairs)
    dense_pace = len(pairs) / (perf_counter() - start)
    first = paper.score_samples(arriving)[: len(pairs)]
    same = (least - 1e-12 <= first) & (first <= greatest + 1e-12)
    if not same.all():
        raise SystemExit(f"The reciprocal rank of event {int((~same).argmax())} differs from the dense model's.")
    yield Line("the same", pace, dense_pace, "the authors' way: the published model, dense")
    paper_pace = len(arriving) / np.median(time_calls(paper.score_samples, [arriving] * 3))
    yield Line("the published model, events/s", paper_pace, dense_pace, "the same, dense: equal ranks")


def compare_updates(recommender: AutoSeqRecRecommender, rest: Interactions) -> Iterator[Line]:
    """Yield how fast events are let in, one per call and many at once."""
    rows = np.asarray(rest)[:100_000]
    singles = time_calls(deepcopy(recommender).partial_update, np.split(rows[:3000], min(3000, len(rows))))
    at_once = time_call(deepcopy(recommender).partial_update, rows)
    yield Line("partial_update of one event, median us", float(np.median(singles) * 1e6))
    yield Line("partial_update of one event, mean us", float(np.mean(singles) * 1e6))
    yield Line(f"partial_update of {len(rows):,} at once, events/s", len(rows) / at_once)


def compare_answers(recommender: AutoSeqRecRecommender, fitted: Interactions) -> Iterator[Line]:
    """Yield how fast users are answered, in batches of several sizes."""
    rng = np.random.default_rng(0)
    n_items, n_hidden = len(recommender.item_ids_), N_NEURAL_PARTS * recommender.n_components
    items, copy = torch.rand(n_items, n_hidden), torch.empty(n_items, n_hidden)
    peer = recommend_by_factors(recommender, fitted)
    for size in BATCH_SIZES:
        batches = list(rng.choice(recommender.user_ids_, size=(max(10, 512 // size), size)))
        queries = torch.rand(size, n_hidden)
        answers = np.median(time_calls(recommender.predict_topk, batches))
        products = np.median(time_calls(lambda _, queries=queries: queries @ items.T, batches))
        yield Line(f"predict_topk by {size}, us", answers * 1e6, products * 1e6, "the bare product")
        all_products = products + time_history_products(recommender, size)
        yield Line("the same", answers * 1e6, all_products * 1e6, "all bare products: histories too")
        if multiplies_bfloat16() and size > 1:  # one user is answered in float32
            exact = np.median(time_calls(recommender.set_params(precision="float32").predict_topk, batches))
            recommender.set_params(precision="auto")
            yield Line("the same", answers * 1e6, exact * 1e6, "all in float32: precision='float32'")
        if size == 1:
            # A copy reads and writes: half of it is what reading takes.
            moved = np.median(time_calls(lambda _: copy.copy_(items), range(50))) / 2
            yield Line("the same", answers * 1e6, moved * 1e6, "reading what the product reads")
        if peer is not None:
            seconds = np.median(time_calls(peer, batches))
            yield Line(
                "the same",
                answers * 1e6,
                seconds * 1e6,
                f"implicit: {recommender.n_components} factors by alternating least squares",
            )


def recommend_by_factors(
    recommender: AutoSeqRecRecommender, fitted: Interactions
) -> Callable[[NDArray[Any]], object] | None:
    """Return how the implicit package answers a batch of users, None if it is not installed."""
    if find_spec("implicit") is None:
        return None
    from implicit.als import AlternatingLeastSquares

    user_item = recommender._serving.state.snapshot.base.counts.user_item().astype(np.float32)
    factors = AlternatingLeastSquares(recommender.n_components, iterations=1, use_gpu=False, random_state=0)
    with threadpool_limits(1, "blas"):  # its own threads call a product each
        factors.fit(user_item, show_progress=False)
    codes = {user: code for code, user in enumerate(recommender.user_ids_.tolist())}

    def answer(users: NDArray[Any]) -> object:
        rows = np.array([codes[user] for user in users.tolist()])
        return factors.recommend(rows, user_item[rows], N=10)

    return answer


def compare_files(recommender: AutoSeqRecRecommender) -> Iterator[Line]:
    """Yield how long a fitted recommender takes to be written and read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recommender.joblib"
        dump = time_call(lambda to: joblib.dump(recommender, to), path)
        load = time_call(joblib.load, path)
        content = os.urandom(2**20) * (path.stat().st_size // 2**20 + 1)
        write = time_call((Path(folder) / "bytes").write_bytes, content)
        read = time_call(Path.read_bytes, Path(folder) / "bytes")
        yield Line("joblib.dump, seconds", dump, write, "writing as many bytes")
        yield Line("joblib.load, seconds", load, read, "reading as many bytes")
        yield Line("size of the file, MiB", path.stat().st_size / 2**20)


def figure(value: float) -> str:
    """Return a number with three digits at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
