"""
Quickstart: from a log of films to titles
=========================================

A log is split in time. A recommender is fitted on the past, recommends films by title, is measured beside the usual
baselines, and learns from a new event at once. Run it on a log of your own with ``--data FILE --titles FILE``.
"""

import time

import matplotlib.pyplot as plt
import pandas as pd
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec.baselines import (
    DecayedPopularityRecommender,
    EASERecommender,
    ItemKNNRecommender,
    MarkovRecommender,
    PopularityRecommender,
)
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.model_selection import compare, temporal_train_test_split

parser = option_parser("Fit, recommend, measure, update: on a log of films or on a file.")
parser.add_argument("--network", action="store_true", help="measure the default model too, which trains a network")
parser.add_argument("--paper", action="store_true", help="measure the published model too")
parser.add_argument("--max-iter", type=int, help="most epochs of these two (default: the model's own)")
options = parser.parse_args()

# %%
# The log
# -------
# An event is a user, an item and a time. Here people rate films; their titles are in a table of their own.

data = load_movie_tweetings() if options.data is None else read_data(options)
print(data.log.head(3).to_string(index=False), "\n...")
past, test = temporal_train_test_split(data.log, test_size=0.1)  # the newest tenth is what is to come

# %%
# Fit and recommend
# -----------------
# ``objective="closed_form"`` counts, solves and weighs, and trains no network: it takes seconds. Without it, the
# default model trains a network, too.

recommender = AutoSeqRecRecommender(objective="closed_form", verbose=0)
start = time.perf_counter()
recommender.fit(past)
print(f"fitted on {len(past):,} events in {time.perf_counter() - start:.1f} s")

# %%
# For the first user of the test part who is known well: what was rated last, what everybody would be shown, what this
# user is shown, and what was rated next.

counts = past["user_id"].value_counts()
user = next(user for user in test["user_id"] if counts.get(user, 0) >= 10)
title_of = dict(zip(data.titles["item_id"], data.titles["title"], strict=True))
popular = DecayedPopularityRecommender().fit(past)
side_by_side = {
    "rated last": past.loc[past["user_id"] == user, "item_id"].tail(5).iloc[::-1].map(title_of),
    "popular lately": pd.Series(popular.predict_topk([user], k=5)[0]).map(title_of),
    "recommended": recommender.predict_topk([user], k=5, output="frame", titles=data.titles)["title"],
    "rated next": test.loc[test["user_id"] == user, "item_id"].head(5).map(title_of),
}
table = pd.DataFrame({name: pd.Series(column.to_numpy()) for name, column in side_by_side.items()}).fillna("")
print(f"user {user}\n{table.map(lambda title: title[:30]).to_string(index=False)}")
print(recommender.explain(user, recommender.predict_topk([user], k=1)[0, 0], titles=data.titles).sentences[0, 0])

# %%
# What it is worth
# ----------------
# All models learn from the same past. Then every newer event is ranked with all that came before it, among all items
# that its user has not seen, and added: no sampled negatives, no peeking. What is better than all baselines has found
# something. Intervals are over users; a difference is to the popularity of late.
#
# No network is needed for this: on this small log a small one finds hardly more, as the page on the fast model and the
# full one shows. On larger logs it adds more; the table of the README says how much. ``--network`` trains the default
# one here, too, which takes some minutes.

models = {
    "popular lately": DecayedPopularityRecommender(),
    "most popular": PopularityRecommender(),
    "Markov chain": MarkovRecommender(),
    "item neighbours": ItemKNNRecommender(),
}
if data.log["item_id"].nunique() <= 10_000:  # its equation is a square of the items
    models["EASE"] = EASERecommender()
models["this package, closed form"] = AutoSeqRecRecommender(objective="closed_form", verbose=0)
epochs = {} if options.max_iter is None else {"max_iter": options.max_iter}
if options.paper:
    models["published model"] = AutoSeqRecRecommender(**{**PAPER_PARAMS, **epochs}, random_state=0)
if options.network:
    models["this package, network"] = AutoSeqRecRecommender(**epochs, random_state=0)
comparison = compare(models, data.log, metrics=["mrr", "recall@10"], random_state=0)
shown = ["model", "metric", "value", "low", "high", "difference", "fit_seconds"]
print(comparison.table[shown].round(3).to_string(index=False))

# %%
# It learns while it serves
# -------------------------
# What this user really rated next arrives, and the list follows. No weight changes, and nothing is fitted again.

arriving = test[test["user_id"] == user].head(1)
lists = {"before": recommender.predict_topk([user], k=5, output="frame", titles=data.titles)["title"]}
start = time.perf_counter()
recommender.partial_update(arriving)
print(f"{title_of[arriving['item_id'].iloc[0]]!r} is learned in {(time.perf_counter() - start) * 1e3:.1f} ms")
lists["after"] = recommender.predict_topk([user], k=5, output="frame", titles=data.titles)["title"]
print(pd.DataFrame(lists).to_string(index=False))

# %%
# How often the true item is among the first ten
# ----------------------------------------------

found = comparison.table.query("metric == 'recall@10'").sort_values("value")
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
is_ours = found["model"].str.startswith("this package")
axes.barh(found["model"], found["value"], color=is_ours.map({True: "#0072b2", False: "#b0b0b0"}))
spread = [found["value"] - found["low"], found["high"] - found["value"]]
axes.errorbar(found["value"], found["model"], xerr=spread, fmt="none", ecolor="#404040", capsize=3)
axes.set(xlabel="Recall@10, with 95 % intervals over users", title="Ranking each new event among all unseen items")
axes.spines[["top", "right"]].set_visible(False)
show_figure(figure, options.figure)
