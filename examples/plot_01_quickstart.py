"""
Fit, walk forward, recommend, update
====================================

The main job from end to end: a log is split in time, a recommender is fitted on the past and walks forward over the
rest beside the usual baselines, recommends, takes new events in, and recommends again. Run it on a log of your own with
``--data FILE``.
"""

import argparse
import time

import matplotlib
import numpy as np

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec.baselines import (
    DecayedPopularityRecommender,
    EASERecommender,
    ItemKNNRecommender,
    MarkovRecommender,
    PopularityRecommender,
    RandomRecommender,
)
from skautoseqrec.datasets import load_interactions, make_interactions
from skautoseqrec.metrics import mean_reciprocal_rank, ranks_from_reciprocal, recall_at_k
from skautoseqrec.model_selection import temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder

parser = argparse.ArgumentParser(description="Fit, walk forward, recommend, update: on a synthetic log or on a file.")
parser.add_argument("--data", metavar="FILE", help="a log: csv, tsv, JSON lines or parquet")
parser.add_argument("--paper", action="store_true", help="the published model, instead of the default one")
parser.add_argument("--max-iter", type=int, help="most epochs (default: the model's own)")
parser.add_argument(
    "--figure", metavar="FILE", help="where to save the figure (default: show it, if there is a screen)"
)
options = parser.parse_args()

# %%
# The log
# -------
# Users walk a hidden graph of items, so the best that can be predicted is known. A file has no such oracle.

if options.data is None:
    log, oracle = make_interactions(n_users=300, n_items=120, n_events=9000, random_state=0, return_oracle=True)
    log = InteractionEncoder().fit_transform(log)
else:
    log, oracle = load_interactions(options.data), None
print(f"log: {log}")

# %%
# Fit on the past
# ---------------
# The newest tenth is the test, and the tenth before it is for choosing parameters; here it is only reported.

past, test = temporal_train_test_split(log, test_size=0.1)
train, valid = temporal_train_test_split(past, test_size=1 / 9)
recommender = AutoSeqRecRecommender(random_state=0).set_params(**(PAPER_PARAMS if options.paper else {}))
if options.max_iter is not None:
    recommender.set_params(max_iter=options.max_iter)
print("fitting ...", flush=True)
start = time.perf_counter()
valid_ranks = ranks_from_reciprocal(recommender.fit(train).score_samples(valid))
recommender.fit(past)
print(f"two fits (the last: {recommender.n_iter_} epochs) and one walk: {time.perf_counter() - start:.1f} s")
weights = {part: np.round(weight, 2).tolist() for part, weight in recommender.blend_.items()}
print(f"blend (what adds nothing on this log weighs 0): {weights}")

# %%
# Walk forward over the rest
# --------------------------
# Every event is ranked with all that came before it, then let in: no sampled negatives, no peeking.

start = time.perf_counter()
ranks = ranks_from_reciprocal(recommender.score_samples(test))
seconds = time.perf_counter() - start
print(f"walked forward over {len(test):,} events in {seconds:.2f} s ({len(test) / seconds:,.0f} events per second)")
for part, part_ranks in (("valid", valid_ranks), ("test", ranks)):
    print(f"{part:>5}: MRR {mean_reciprocal_rank(part_ranks):.4f}   Recall@10 {recall_at_k(part_ranks, 10):.4f}")

# %%
# What it is worth
# ----------------
# Baselines count, or solve one equation, and take seconds. They learn from the same past, with the settings they come
# with, and walk over the same events in the same way: what is better than all of them has found something. This
# synthetic log is a Markov chain, so the baseline of that name is nearly as good as anything can be. Few real logs are.

baselines = {
    "at random": RandomRecommender(random_state=0),
    "most popular": PopularityRecommender(),
    "most popular lately": DecayedPopularityRecommender(),
    "Markov chain": MarkovRecommender(),
    "item neighbours": ItemKNNRecommender(),
}
if len(log.item_ids) <= 10_000:  # its equation is a square of the items
    baselines["EASE"] = EASERecommender()
test_ranks = {name: ranks_from_reciprocal(model.fit(past).score_samples(test)) for name, model in baselines.items()}
test_ranks["this recommender"] = ranks
if oracle is not None:
    test_ranks["best possible"] = oracle.ranks[-len(test) :]
print(f"{'test':<22}{'MRR':>8}{'Recall@10':>12}")
for name, model_ranks in test_ranks.items():
    print(f"{name:<22}{mean_reciprocal_rank(model_ranks):>8.4f}{recall_at_k(model_ranks, 10):>12.4f}")

# %%
# Recommend
# ---------


def named(items):
    """Return a list of items as text."""
    return ", ".join(map(str, items))


users = recommender.user_ids_[-3:]
for user, items in zip(users, recommender.predict_topk(users, k=5), strict=True):
    print(f"user {user}: {named(items)}")

# %%
# Take new events in
# ------------------
# The test part becomes known: no weight changes, and the answers of those who did something do.

start = time.perf_counter()
recommender.partial_update(test)
print(f"let {len(test):,} events in: {(time.perf_counter() - start) / len(test) * 1e6:.0f} microseconds each")
for user, items in zip(users, recommender.predict_topk(users, k=5), strict=True):
    print(f"user {user}: {named(items)}")
newcomer = "a newcomer" if isinstance(users[0], str) else int(max(recommender.user_ids_)) + 1
favourite = recommender.predict_topk([newcomer], k=1)[0, 0]
print(f"\nuser {newcomer} is not known and gets what is popular: {named(recommender.predict_topk([newcomer], k=5)[0])}")
recommender.partial_update([(newcomer, favourite)])
print(f"after one event with item {favourite}: {named(recommender.predict_topk([newcomer], k=5)[0])}")

# %%
# How far down the list the true item stands
# ------------------------------------------

if options.figure is not None:
    matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 - the backend is chosen first

lengths = np.arange(1, 51)
figure, axes = plt.subplots(figsize=(6, 4))
lines = {"Markov chain": ":", "item neighbours": "-.", "this recommender": "-", "best possible": "--"}
for name, style in lines.items():
    if name in test_ranks:
        axes.plot(lengths, [recall_at_k(test_ranks[name], k) for k in lengths], style, label=name)
axes.set(xlabel="length of the list k", ylabel="Recall@k", title="Walking forward over the test part", ylim=(0, None))
axes.legend()
figure.tight_layout()
if options.figure is None:
    plt.show()
else:
    figure.savefig(options.figure)
    print(f"figure saved as {options.figure}")
