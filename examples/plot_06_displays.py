"""
How well, when, and why: displays
=================================

A number says how good a model is; a figure says where, since when, and why. Each display computes first and draws then,
as those of scikit-learn do. Run it on a log of your own with ``--data FILE``, and with titles with ``--titles FILE``.
"""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from shared.options import option_parser, read_data

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import make_interactions
from skautoseqrec.inspection import (
    BlendDisplay,
    ExplanationDisplay,
    RecallAtKDisplay,
    TrainingDisplay,
    TransitionGraphDisplay,
    WalkForwardDisplay,
)
from skautoseqrec.metrics import ranks_from_reciprocal
from skautoseqrec.model_selection import temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder

parser = option_parser("All displays: on a synthetic log or on a file. Figures are saved with their names appended.")
parser.add_argument("--max-iter", type=int, default=8, help="most epochs of the network (default: 8)")
options = parser.parse_args()


def keep(display, name):
    """Save the figure of a display if that is asked for."""
    if options.figure is not None:
        matplotlib.use("Agg")
        path = Path(options.figure)
        display.figure_.savefig(path.with_stem(f"{path.stem}-{name}"))


# %%
# A log and four models
# ---------------------
# Two are fitted; the other two are single parts of the first, which a blend of one's own leaves over. Users walk a
# hidden graph of items, take several at a time and come back to some, so the best that can be predicted is known. A
# file has no such oracle.

if options.data is None:
    world = {
        "n_users": 500,
        "n_items": 150,
        "n_events": 6000,
        "n_successors": 20,
        "return_rate": 0.2,
        "basket_size": 1.5,
    }
    log, oracle = make_interactions(**world, random_state=0, return_oracle=True)
    log = InteractionEncoder().fit_transform(log)
    titles = {item: f"The tale of item {item}" for item in range(150)}  # made up
else:
    data, oracle = read_data(options), None
    log = InteractionEncoder().fit_transform(data.log)
    titles = dict(zip(data.titles["item_id"], data.titles["title"], strict=True))

past, test = temporal_train_test_split(log, test_size=0.2)
shared = {"exclude_seen": False, "random_state": 0, "verbose": 0}
closed_form = AutoSeqRecRecommender(objective="closed_form", **shared).fit(past)
blend = {"collaborative": 1.0, "two_hop": 1.0}
network = AutoSeqRecRecommender(n_components=16, max_iter=options.max_iter, blend=blend, **shared).fit(past)
models = {
    "closed form": closed_form,
    "transitions alone": closed_form.with_blend({"direct": 1.0}),
    "network alone": network,
    "popularity alone": closed_form.with_blend({"trend": (0.0, 1.0, 0.0, 0.0)}),
}
ranks = {name: ranks_from_reciprocal(model.score_samples(test)) for name, model in models.items()}

# %%
# How well
# --------
# The share of events whose item is among the first k. ``from_estimator`` would walk by itself; here the ranks are
# known. The line of an oracle would end where a model gets above it: its ties at half are no bound for long lists.

upper_bound = None if oracle is None else oracle.ranks[-len(test) :]
keep(RecallAtKDisplay.from_predictions(ranks, upper_bound=upper_bound, max_k=30), "recall")

# %%
# When
# ----
# The mean reciprocal rank in windows of equally many events, with a band of 1.96 standard errors over users. For dates,
# ``width=timedelta(days=7)`` makes it one point a week.

best_two = {name: ranks[name] for name in ("closed form", "popularity alone")}
keep(WalkForwardDisplay.from_predictions(best_two, test), "time")

# %%
# How it was trained
# ------------------
# Above, the losses that the weights went through, the refit shaded. Below, what the held-out part said of each epoch.

keep(TrainingDisplay.from_estimator(network), "training")

# %%
# What counts
# -----------
# How much each part of the score lifts or lowers the ten best candidates, for short histories and for long ones.

edges = [1, *np.unique(np.quantile(np.unique(past.users, return_counts=True)[1], [0.33, 0.67]).astype(int) + 1)]
keep(BlendDisplay.from_estimator(closed_form, length_edges=edges, random_state=0), "blend")

# %%
# What leads where
# ----------------
# The heaviest transitions into an item and out of it.

item = past.item_ids[np.bincount(past.items).argmax()]
keep(TransitionGraphDisplay.from_estimator(closed_form, item, titles=titles), "transitions")

# %%
# Because of what
# ---------------
# Which past items speak for the first recommendation, as nearest neighbours see it.

user = past.user_ids[past.users[-1]]
neighbours = closed_form.with_blend({"neighbours": 1.0}, exclude_seen=True)
keep(ExplanationDisplay.from_estimator(neighbours, user, titles=titles), "explanation")
if options.figure is None:
    plt.show()
else:
    print(f"figures saved beside {options.figure}")
