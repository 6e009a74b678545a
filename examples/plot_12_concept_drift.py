"""
When habits change: concept drift
=================================

One day everybody does something else. What counts live learns that from the events; what was solved or weighed at the
last fit does not. Is it time to fit again? With ``--data FILE`` a log of your own is walked over, without such a day.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.baselines import DecayedPopularityRecommender, EASERecommender
from skautoseqrec.datasets import make_interactions
from skautoseqrec.inspection import WalkForwardDisplay
from skautoseqrec.metrics import ranks_from_reciprocal
from skautoseqrec.model_selection import temporal_train_test_split

options = option_parser("Concept drift: in a synthetic world or in a file.").parse_args()

# %%
# A world that changes
# --------------------
# Users walk a hidden graph of items. Then the graph is another one, over the same items, and new users come.

world = {"n_users": 150, "n_items": 80, "n_events": 3000}
if options.data is None:
    columns = ["user_id", "item_id", "timestamp"]
    days = [pd.DataFrame(make_interactions(**world, random_state=seed), columns=columns) for seed in (0, 1)]
    days[1]["user_id"] += world["n_users"]
    days[1]["timestamp"] += days[0]["timestamp"].max() + 1
    log, n_before = pd.concat(days, ignore_index=True), 1000
    past, newer = log.iloc[:2000], log.iloc[2000:]
else:
    past, newer = temporal_train_test_split(read_data(options).log, test_size=0.5)
    n_before = 0

# %%
# Four ways to meet it
# --------------------
# Three models are fitted on the past, once, and walk over all that comes. The first two count every event. The weights
# of EASE stand still; only histories move. The fourth is the first one, fitted again half-way.

settings = {"objective": "closed_form", "gate": False, "verbose": 0}
models = {
    "this package": AutoSeqRecRecommender(**settings).fit(past),
    "popular lately": DecayedPopularityRecommender().fit(past),
    "EASE": EASERecommender().fit(past),
}
values = {name: model.score_samples(newer) for name, model in models.items()}
half = len(newer) // 2
again = AutoSeqRecRecommender(**settings).fit(pd.concat([past, newer.iloc[:half]]))
values["this package, fitted again"] = np.r_[values["this package"][:half], again.score_samples(newer.iloc[half:])]

# %%
# The worst days are the first ones, when nothing helps: what the new habits are is not known yet. Then counts that are
# live recover by themselves. Another fit also forgets nothing, but weighs the parts, and solves the linear one, anew.

stretches = {"first 500": slice(n_before, n_before + 500), "next 500": slice(n_before + 500, n_before + 1000)}
if n_before:
    stretches = {"before": slice(0, n_before), **stretches}
stretches["second half"] = slice(half, None)
print(f"{'MRR':<28}" + "".join(f"{name:>13}" for name in stretches))
for name, of_events in values.items():
    print(f"{name:<28}" + "".join(f"{of_events[stretch].mean():>13.3f}" for stretch in stretches.values()))

# %%
# Over time
# ---------

figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
ranks = {name: ranks_from_reciprocal(of_events) for name, of_events in values.items()}
WalkForwardDisplay.from_predictions(ranks, newer, n_windows=16, band=None, ax=axes)
if n_before:
    axes.axvline(n_before, color="#404040", linestyle="--")
    axes.annotate("everything changes", (n_before, 0), xytext=(5, 5), textcoords="offset points")
show_figure(figure, options.figure)
