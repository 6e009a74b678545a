"""How accuracy falls while weights age: no update at all, updates with frozen weights, refits, and warm refits.

The first part of a log is fitted, the rest walked in windows. All policies rank the same events. ``static`` knows
nothing of them; ``frozen`` is updated with each and never fitted again; ``refit`` is fitted anew on everything before
each window, and updated in it; ``warm refit`` likewise, from the weights before (``warm_start``) and with a fifth of
the epochs, which is fine-tuning that forgets nothing; ``batch refit`` is fitted anew but knows nothing of its own
window, as lists that are made once a night.

Two signals that need no refit of the served model are printed beside what a refit gains in each window:

- the mean log rank of the window less that of the held-out events before the first fit, both by ``score_samples``, and
- the MRR of the window less that of a model without a network, refitted before it, which takes seconds.

``--turn`` studies a synthetic log whose transitions change at once in the middle, for new users. The best possible MRR
of each window is known there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from common import Table, at_least, draw, make_parser, print_header, read_logs, read_share, refuse_beside, trained_for
from numpy.typing import NDArray

from skautoseqrec import AutoSeqRecRecommender, Interactions
from skautoseqrec._scoring.walk_forward import walk_forward
from skautoseqrec.datasets import make_interactions
from skautoseqrec.metrics import ranks_from_reciprocal
from skautoseqrec.preprocessing import InteractionEncoder

#: Share of the first fit's events that are held out, to say what the signal is compared with.
HELD_OUT = 0.1
#: Epochs of a warm refit, as a share of those of the first fit.
WARM_SHARE = 0.2


class Result(NamedTuple):
    """The reciprocal ranks of a policy, how often it was fitted, and the CPU seconds of fits and updates."""

    values: NDArray[np.float64]
    n_fits: int
    seconds: float


class Windows(NamedTuple):
    """What is fitted first, and the windows after it."""

    log: Interactions
    edges: NDArray[np.int64]

    def past(self, number: int) -> Interactions:
        """Return all events before a window."""
        return self.log[: self.edges[number]]

    def window(self, number: int) -> Interactions:
        """Return the events of a window."""
        return self.log[self.edges[number] : self.edges[number + 1]]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.edges) - 1


def main() -> None:
    """Print one table of policies and one of signals for each log."""
    options = parse_options()
    logs = [turned_world()] if options.turn else [(each.title, each.log, None) for each in read_logs(options)]
    for title, log, best_ranks in logs:
        order = log.to_columns().time_order()
        log, n_events = log[order], len(log)
        edges = np.linspace(options.start * n_events, n_events, options.windows + 1).astype(np.int64)
        study(title, Windows(log, edges), best_ranks, options)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, seeds=[0, 1, 2], is_drawn=True)
    objectives = ("multinomial", "closed_form")
    parser.add_argument("--objective", choices=objectives, default=objectives[0], help="default: %(default)s")
    parser.add_argument("--policies", nargs="+", choices=POLICIES, help="default: all that mean something")
    help_of_start = "share of the log that is fitted first; default: %(default)s"
    parser.add_argument("--start", type=read_share, default=0.5, metavar="SHARE", help=help_of_start)
    help_of_windows = "number of windows of the rest; default: %(default)s"
    parser.add_argument("--windows", type=at_least(1), default=5, metavar="N", help=help_of_windows)
    parser.add_argument("--turn", action="store_true", help="a synthetic log whose transitions change at once")
    options = parser.parse_args()
    if options.start == 1:
        parser.error("--start must leave events for the windows: below 1.")
    if options.turn:
        refuse_beside(parser, options, "--turn", "data", "worlds", "shuffle_ties")
    return options


def turned_world(
    n_users: int = 200, n_items: int = 200, n_events: int = 6000
) -> tuple[str, Interactions, NDArray[np.float64]]:
    """Return a log of two worlds one after the other, with other transitions and users between the same items."""
    size = {"n_users": n_users, "n_items": n_items, "n_events": n_events}
    parts = [make_interactions(**size, random_state=seed, return_oracle=True) for seed in (0, 1)]
    (first, of_first), (second, of_second) = parts
    second = second + np.array([first[:, 0].max() + 1, 0, first[:, 2].max() + 1])
    log = InteractionEncoder().fit_transform(np.concatenate([first, second]))
    return "synthetic world that turns at half", log, np.concatenate([of_first.ranks, of_second.ranks])


def study(title: str, windows: Windows, best_ranks: NDArray[np.float64] | None, options: argparse.Namespace) -> None:
    """Print both tables of a log, means over the seeds."""
    usual = {"objective": options.objective, **trained_for(options)}
    seeds = options.seeds[:1] if options.objective == "closed_form" else options.seeds  # which draws nothing
    print_header(f"{title}; objective {options.objective}; first fit {windows.edges[0]:,} events", seeds)

    def make(seed: int, **changed: Any) -> AutoSeqRecRecommender:
        return AutoSeqRecRecommender(**{**usual, **changed}, random_state=seed)

    makers = [partial(make, seed) for seed in seeds]
    names = options.policies or [name for name in POLICIES if "warm" not in name or options.objective != "closed_form"]
    heads = ["policy", *(f"to {edge:,}" for edge in windows.edges[1:]), "all", "spread", "fits", "CPU s"]
    table = Table(heads, width=14)
    results, means = {}, {}
    for name in names:
        of_seeds = results[name] = [POLICIES[name](maker, windows) for maker in makers]
        mean = means[name] = mean_of(of_seeds)
        spread = float(np.std([result.values.mean() for result in of_seeds]))
        row = *by_window(mean.values, windows), float(mean.values.mean()), spread, mean.n_fits, f"{mean.seconds:.0f}"
        table.add(name, *row)
    if best_ranks is not None:
        best = 1 / best_ranks[windows.edges[0] :]
        table.add("best possible", *by_window(best, windows), float(best.mean()), "", "", "")
    if {"frozen", "refit"} <= set(results):
        print_signals(makers, windows, results)
    draw(options.figure, title, lambda axes: plot(axes, means, windows))


def mean_of(results: Sequence[Result]) -> Result:
    """Return what a policy comes to, mean over seeds."""
    values, n_fits, seconds = zip(*results, strict=True)
    return Result(np.mean(values, axis=0), n_fits[0], float(np.mean(seconds)))


def by_window(values: NDArray[np.float64], windows: Windows) -> list[float]:
    """Return the mean of the values of each window."""
    return [float(part.mean()) for part in np.split(values, windows.edges[1:-1] - windows.edges[0])]


def keep_frozen(make: Callable[..., Any], windows: Windows) -> Result:
    """Fit once, and update with every event."""
    begin = process_time()
    recommender = make().fit(windows.past(0))
    seconds = process_time() - begin
    values = recommender.score_samples(windows.log[windows.edges[0] :])
    begin = process_time()
    recommender.partial_update(windows.log[windows.edges[0] :])
    return Result(values, 1, seconds + process_time() - begin)


def keep_static(make: Callable[..., Any], windows: Windows) -> Result:
    """Fit once, and never tell of another event."""
    begin = process_time()
    recommender = make().fit(windows.past(0))
    seconds = process_time() - begin
    return Result(rank_without_updates(recommender, windows.log[windows.edges[0] :]), 1, seconds)


def refit(make: Callable[..., Any], windows: Windows) -> Result:
    """Fit anew before each window."""
    return fit_each(lambda number, past: make().fit(past), windows)


def refit_in_batches(make: Callable[..., Any], windows: Windows) -> Result:
    """Fit anew before each window, of which nothing is told until it has passed."""
    return fit_each(lambda number, past: make().fit(past), windows, rank_without_updates)


def refit_warmly(make: Callable[..., Any], windows: Windows) -> Result:
    """Go on from the weights before, with fewer epochs, before each window."""
    recommender = make(warm_start=True)

    def fit(number: int, past: Interactions) -> AutoSeqRecRecommender:
        if number == 1:
            n_epochs = max(1, round(WARM_SHARE * recommender.n_iter_))
            recommender.set_params(max_iter=n_epochs)
        return recommender.fit(past)

    return fit_each(fit, windows)


def fit_each(
    fit: Callable[[int, Interactions], AutoSeqRecRecommender],
    windows: Windows,
    rank: Callable[[AutoSeqRecRecommender, Interactions], NDArray[np.float64]] = AutoSeqRecRecommender.score_samples,
) -> Result:
    """Return what comes of a fit before each window."""
    values, seconds = [], 0.0
    for number in range(len(windows)):
        begin = process_time()
        recommender = fit(number, windows.past(number))
        seconds += process_time() - begin
        values.append(rank(recommender, windows.window(number)))
    return Result(np.concatenate(values), len(windows), seconds)


def rank_without_updates(recommender: AutoSeqRecRecommender, log: Interactions) -> NDArray[np.float64]:
    """Return the reciprocal rank of each event of a log in time order, none of which is let in."""
    state, scorer = recommender._serving
    base = state.merged()
    events = state.encode_ahead(log.to_columns(), base)
    return walk_forward(scorer, base, events, np.zeros(len(log), dtype=np.int64), recommender.exclude_seen)


POLICIES: dict[str, Callable[[Callable[..., Any], Windows], Result]] = {
    "static": keep_static,
    "frozen": keep_frozen,
    "warm refit": refit_warmly,
    "refit": refit,
    "batch refit": refit_in_batches,
}


def print_signals(
    makers: Sequence[Callable[..., AutoSeqRecRecommender]], windows: Windows, results: dict[str, list[Result]]
) -> None:
    """Print the signals of each window beside what a refit gains in it, and how far they agree; means over seeds."""
    yardstick = refit(lambda: makers[0](objective="closed_form"), windows)
    usual = [log_rank_of_held_out(make, windows.past(0)) for make in makers]
    seeds = zip(results["frozen"], results["refit"], usual, strict=True)
    signals = np.mean([signals_of(frozen, again, yardstick, of_seed, windows) for frozen, again, of_seed in seeds], 0)
    table = Table(["window to", "gain of refit", "log rank rise", "to yardstick"], width=14)
    for edge, (gain, rise, beside) in zip(windows.edges[1:], signals, strict=True):
        table.add(f"{edge:,}", f"{gain:+.1%}", f"{rise:+.3f}", f"{beside:+.1%}")
    print(
        f"mean log rank of the held-out events {np.mean(usual):.3f}; yardstick: {yardstick.seconds:.0f} CPU s of fits"
    )
    if len(signals) > 2:
        gains, rises, besides = signals.T
        with np.errstate(invalid="ignore"):
            agreement = [np.corrcoef(gains, signal)[0, 1] for signal in (rises, -besides)]
        print(f"correlation with the gain: log rank {agreement[0]:+.2f}, behind the yardstick {agreement[1]:+.2f}")


def log_rank_of_held_out(make: Callable[..., AutoSeqRecRecommender], first: Interactions) -> float:
    """Return the mean log rank of the newest events of the first fit, after a fit on those before."""
    n_held_out = int(HELD_OUT * len(first))
    return mean_log_rank(make().fit(first[:-n_held_out]).score_samples(first[-n_held_out:]))


def signals_of(frozen: Result, again: Result, yardstick: Result, usual: float, windows: Windows) -> NDArray[np.float64]:
    """Return a row for each window: the gain of a refit, the rise of the log rank, the lead over the yardstick."""
    cuts = windows.edges[1:-1] - windows.edges[0]
    parts = zip(*(np.split(result.values, cuts) for result in (frozen, again, yardstick)), strict=True)
    return np.array(
        [
            (refitted.mean() / old.mean() - 1, mean_log_rank(old) - usual, old.mean() / fresh.mean() - 1)
            for old, refitted, fresh in parts
        ]
    )


def mean_log_rank(values: NDArray[np.float64]) -> float:
    """Return the mean log of the ranks of events whose item was eligible."""
    return float(np.log(ranks_from_reciprocal(values[values > 0])).mean())


def plot(axes: Any, results: dict[str, Result], windows: Windows) -> None:
    """Draw the MRR of each policy over the windows, and its CPU seconds beside its name."""
    middles = (windows.edges[1:] + windows.edges[:-1]) / 2
    for name, result in results.items():
        label = f"{name}, {result.seconds:.0f} CPU s"
        axes.plot(middles, by_window(result.values, windows), marker="o", label=label)
    axes.set(xlabel="events", ylabel="MRR", ylim=(0, None))
    axes.legend(fontsize="small")


if __name__ == "__main__":
    main()
