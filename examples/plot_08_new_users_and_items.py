"""
New users and new items
=======================

Who is new has no history, and what is new has no weights. Both are known from their first event on. How soon are they
served well? Run it on a log of your own with ``--data FILE``.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.baselines import DecayedPopularityRecommender
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.metrics import ranks_from_reciprocal, recall_at_k
from skautoseqrec.model_selection import temporal_train_test_split

parser = option_parser("How soon newcomers are served well: on a log of films or on a file.")
parser.add_argument("--later", type=float, default=0.5, help="newest share, which arrives later (default: .5)")
options = parser.parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)

# %%
# What is new
# -----------
# The model is fitted on the first half of the log, once. Some users and items of the other half are not in it.

past, later = temporal_train_test_split(data.log, test_size=options.later)
recommender = AutoSeqRecRecommender(objective="closed_form", verbose=0).fit(past)
popular = DecayedPopularityRecommender().fit(past)
is_new = {kind: ~later[kind].isin(past[kind]) for kind in ("user_id", "item_id")}
if not all(chosen.any() for chosen in is_new.values()):
    parser.error("all later users, or all later items, are in the first part of this log already: nothing is new.")
for kind, name in (("user_id", "users"), ("item_id", "items")):
    chosen = later.loc[is_new[kind], kind]
    print(f"{chosen.nunique()} of {later[kind].nunique()} {name} are new, with {len(chosen):,} events")

# %%
# One newcomer, from nothing
# --------------------------
# Without an event the answer is what is popular; ``is_known`` says so. ``predict_topk_sequences`` asks with a history
# that belongs to nobody, as a page does before anybody has signed in. Nothing is learned from asking.

newcomer = later.loc[is_new["user_id"], "user_id"].iloc[0]
lists = {"nothing yet": recommender.predict_topk([newcomer], k=4, output="frame", titles=data.titles)}
history = later.loc[(later["user_id"] == newcomer) & ~is_new["item_id"], "item_id"].tolist()
title_of = dict(zip(data.titles["item_id"], data.titles["title"], strict=True))
for n_events in (1, 3):
    asked = recommender.predict_topk_sequences([history[:n_events]], k=4, output="frame", titles=data.titles)
    lists[f"after {n_events}"] = asked
    print(f"the first {n_events}: {'; '.join(title_of[item] for item in history[:n_events])}")
print(pd.DataFrame({name: answer["title"].str[:28] for name, answer in lists.items()}).to_string(index=False))

# %%
# How soon they are served well
# -----------------------------
# All later events are ranked and added in turn. They are grouped by how many events their user, or their item, had by
# then. Before its first event an item cannot be found by anybody: that is the first group of the items.

ranks = {
    "this package": ranks_from_reciprocal(recommender.score_samples(later)),
    "popular lately": ranks_from_reciprocal(popular.score_samples(later)),
}
# %%
# A new item
# ----------
# It joins at once, too: from its first event on it is recommended, by its popularity, by what it followed and by what
# it stands beside. Here are those who would want it next.

row = int(np.argmax(is_new["item_id"]))
recommender.partial_update(later.head(row + 1))
item = later["item_id"].iloc[row]
print(f"{title_of[item]!r} after one event; who would want it next:")
print(recommender.predict_users([item], k=3, output="frame").to_string(index=False))

# %%
# By the number of events
# -----------------------
# The baseline says what is popular lately, and no more. For the films of 2013 that is much: on this log it is ahead for
# items that are new and in fashion, and for the first events of a newcomer (of whom there are few here, so that this
# may be chance). The blend is fitted to all users and items, most of them old: it trusts taste. From a few events of a
# user on, that pays.

EDGES = np.array([0, 1, 2, 4, 8, 16, 32])
groups = ["0", "1", "2-3", "4-7", "8-15", "16-31", "32-"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for ax, (kind, chosen) in zip(axes, is_new.items(), strict=True):
    known = later.groupby(kind).cumcount().to_numpy()
    group = np.searchsorted(EDGES, known, side="right") - 1
    print(f"{kind}, events by then: {' '.join(f'{label:>6}' for label in groups)}")
    for (name, model_ranks), style in zip(ranks.items(), ("-o", "--s"), strict=True):
        found = [model_ranks[chosen & (group == place)] for place in range(len(EDGES))]
        recall = [recall_at_k(of_group, 10) if len(of_group) else np.nan for of_group in found]
        print(f"{name:>24}: {' '.join(f'{value:6.3f}' for value in recall)}")
        ax.plot(groups, recall, style, linewidth=2, label=name)
    who = {"user_id": "New users", "item_id": "New items"}[kind]
    ax.set(title=who, xlabel="events that it had by then")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set(ylabel="Recall@10", ylim=(0, None))
axes[0].legend(frameon=False)
show_figure(figure, options.figure)
