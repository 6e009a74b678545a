"""
Updating while serving
======================

A service answers and learns in turn. Here new events arrive one by one: before each, the user is asked for
recommendations; after it, they are different. No weight changes, and nothing is fitted again. Run it on a log of your
own with ``--data FILE``.
"""

import copy
import time

import matplotlib.pyplot as plt
import numpy as np
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.model_selection import temporal_train_test_split

parser = option_parser("A service that answers and learns: on a log of films or on a file.")
parser.add_argument("--events", type=int, default=400, help="how many events arrive (default: 400)")
options = parser.parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)
past, test = temporal_train_test_split(data.log, test_size=0.1)
arriving = list(test.head(options.events).itertuples(index=False, name=None))

recommender = AutoSeqRecRecommender(objective="closed_form", gate=False, verbose=0).fit(past)
frozen = copy.deepcopy(recommender)

# %%
# One event after the other
# -------------------------
# The other model is the same, but is told nothing, as in a service that fits again every night. It can be asked for
# everybody at once.

waiting = frozen.predict_topk([event[0] for event in arriving], k=10)
found = {
    "learns": [],
    "waits for the night": [event[1] in page for event, page in zip(arriving, waiting, strict=True)],
}
asking, learning = [], []
for event in arriving:
    user, item = event[:2]
    start = time.perf_counter()
    lists = recommender.predict_topk([user], k=10)
    asking.append(time.perf_counter() - start)
    found["learns"].append(item in lists[0])
    start = time.perf_counter()
    recommender.partial_update([event])
    learning.append(time.perf_counter() - start)
for name, times in (("an answer", asking), ("an update", learning)):
    median, slowest = np.quantile(times, [0.5, 0.99]) * 1e6
    print(f"{name}: median {median:.0f} microseconds, 99th percentile {slowest:.0f}")
for name, hits in found.items():
    print(f"{name}: the next item was among the first ten {np.mean(hits):.1%} of the time")

# %%
# Both are the same again once the other one is told, in one call: an update is exact, whichever way it comes.

frozen.partial_update(arriving)
users = past["user_id"].unique()[:50]
print("same answers:", bool((frozen.predict_topk(users) == recommender.predict_topk(users)).all()))

# %%
# What somebody sees who acts
# ---------------------------

user = arriving[-1][0]
lists = recommender.predict_topk([user], k=5, output="frame", titles=data.titles)
print(f"user {user} sees\n{lists[['rank', 'title']].to_string(index=False)}")
recommender.partial_update([(user, lists["item_id"][0])])  # an event without a time happens now
lists = recommender.predict_topk([user], k=5, output="frame", titles=data.titles)
print(f"and, having taken the first,\n{lists[['rank', 'title']].to_string(index=False)}")

# %%
# What learning adds, and what it takes
# -------------------------------------

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for (name, hits), style in zip(found.items(), ("-", "--"), strict=True):
    axes[0].plot(np.arange(1, len(hits) + 1), np.cumsum(hits), style, linewidth=2, label=name)
axes[0].set(xlabel="events that have arrived", ylabel="items found so far", title="Next item among the first ten")
axes[0].legend(frameon=False)
edges = np.geomspace(min(learning), max(asking), 60) * 1e6
for name, times, colour in (("an update", learning, "#0072b2"), ("an answer", asking, "#d55e00")):
    axes[1].hist(np.array(times) * 1e6, bins=edges, alpha=0.7, label=name, color=colour)
axes[1].set(xscale="log", xlabel="microseconds", ylabel="calls", title="How long a call takes")
axes[1].legend(frameon=False)
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
show_figure(figure, options.figure)
