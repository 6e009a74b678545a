"""
Kinds of events: views and purchases
====================================

A purchase says more than a view. ``event_weights`` says how much more, and ``judge`` says whose ranking matters. Views
of the synthetic shop follow fashion, and its purchases a law of their own. Run it on a log of your own with
``--data FILE --event NAME --judge KIND``: then events of the judged kind count 1, and the others less.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.baselines import PopularityRecommender
from skautoseqrec.datasets import make_shop_log
from skautoseqrec.model_selection import temporal_train_test_split

parser = option_parser("Kinds of events: in a synthetic shop or on a file.")
parser.add_argument("--event", metavar="NAME", help="column of the kinds of events, if its name is not a usual one")
parser.add_argument("--judge", metavar="KIND", default="buy", help="the kind that matters (default: buy)")
options = parser.parse_args()
if options.data is None:
    shop = make_shop_log(random_state=0)
    log = pd.DataFrame({"user_id": shop.users, "item_id": shop.items, "timestamp": shop.times, "event": shop.events})
else:
    log = read_data(options).log
train, test = temporal_train_test_split(log, test_size=0.2)
print(log["event"].value_counts().to_string())

# %%
# How much should a view count?
# -----------------------------
# All events are added as they happen, whatever they weigh. Only the judged kind is ranked. With the weight 0 the other
# kinds are context: transitions still run from them, and nothing is learned of what leads to them.

warnings.simplefilter("ignore")  # people come back to items here, which exclude_seen=False takes into account
others = [kind for kind in log["event"].unique() if kind != options.judge]
weights = [0, 0.05, 0.2, 0.5, 1]
mrr = []
for weight in weights:
    event_weights = {**dict.fromkeys(others, weight), options.judge: 1}
    recommender = AutoSeqRecRecommender(
        objective="closed_form", exclude_seen=False, event_weights=event_weights, verbose=0
    ).fit(train)
    mrr.append(recommender.score(test, judge=options.judge))
    print(f"other kinds count {weight:>4}: MRR of {options.judge!r} {mrr[-1]:.3f}")
popular = PopularityRecommender(exclude_seen=False).fit(train).score(test, judge=options.judge)
print(f"{'popularity':>22}: MRR of {options.judge!r} {popular:.3f}")

# %%
# An update has kinds as well
# ---------------------------
# Each new event counts by its kind. It must have one that ``event_weights`` knows: what is not known is refused, and
# nothing changes.

recommender.partial_update(test)
try:
    recommender.partial_update(test.head(1).assign(event="like"))
except ValueError as error:
    print(error)

# %%
# The figure
# ----------

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(np.arange(len(weights)), mrr, "-o", color="#0072b2", label="closed form")
ax.axhline(popular, color="#404040", linestyle="--", label="popularity")
ax.set(xticks=np.arange(len(weights)), xticklabels=[f"{weight:g}" for weight in weights], ylim=(0, None))
ax.set(xlabel="weight of the other kinds", ylabel=f"MRR of {options.judge!r}")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
show_figure(figure, options.figure)
