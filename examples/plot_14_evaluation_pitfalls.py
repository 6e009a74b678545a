"""
Figures that mean nothing: leaks, ties and repeats
==================================================

Three mistakes make a recommender look better, or worse, than it is. Each is made here on purpose, in worlds where the
best that can be predicted is known, and what the package warns of is printed. With ``--data FILE`` the same is done to
a log of your own.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from shared.options import option_parser, read_data, show_figure
from sklearn.model_selection import train_test_split

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import make_interactions
from skautoseqrec.metrics import mean_reciprocal_rank
from skautoseqrec.model_selection import temporal_train_test_split

options = option_parser("Leaks, ties and repeats: in synthetic worlds or in a file.").parse_args()
COLUMNS = ["user_id", "item_id", "timestamp"]


def make_log(**world):
    """Return a synthetic log, and the best MRR that is possible on its newest fifth."""
    rows, oracle = make_interactions(
        n_users=200, n_items=100, n_events=5000, **world, random_state=0, return_oracle=True
    )
    return pd.DataFrame(rows, columns=COLUMNS), mean_reciprocal_rank(oracle.ranks[-1000:])


def fit_and_score(train, test, **parameters):
    """Fit the fast model, score it, and print what the package warns of."""
    model = AutoSeqRecRecommender(objective="closed_form", gate=False, verbose=0, **parameters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        score = model.fit(train).score(test)
    for warning in caught:
        print(f"  warning: {warning.message}")
    return score


shown = {}  # by mistake: the figure it gives, the honest one, and the best that is possible

# %%
# A leak: the future in the training part
# ---------------------------------------
# ``train_test_split`` draws rows at random, so most events of the test have their past and their future in the training
# part. The figure answers no question that a service has. It is too high where the future gives the answer away, and
# too low where, as in this chain of steps, it stands between an event and what came before. Split in time instead.

log, best = make_log() if options.data is None else (read_data(options).log, None)
print("split at random:")
leaked = fit_and_score(*train_test_split(log, test_size=0.2, random_state=0))
print("split in time:")
honest = fit_and_score(*temporal_train_test_split(log, test_size=0.2))
shown["split at random"] = leaked, honest, best
print(f"MRR {leaked:.3f} at random, {honest:.3f} in time")

# %%
# Ties: the order of rows
# -----------------------
# This log has dates only, and its rows are sorted by date and item, as dumps of shops and reviews often are. Whoever
# ranks row by row is told by each row what comes in the next one: the same item, for somebody else.

log, best = make_log() if options.data is None else (read_data(options).log, None)
if options.data is None:
    log["timestamp"] //= 250  # dates of 250 events
past, test = temporal_train_test_split(log.sort_values([*log.columns[2:], "item_id"], ignore_index=True), test_size=0.2)
print("rows of one time in the order of the file:")
ordered = fit_and_score(past, test, ties="row")
print("rows of one time together:")
together = fit_and_score(past, test, ties="together")
shown["order of tied rows"] = ordered, together, best
print(f"MRR {ordered:.3f} in the order of the file, {together:.3f} together")

# %%
# Repeats: items that users come back to
# --------------------------------------
# By default what a user has seen is not recommended. Where people buy again what they have bought, every such event
# counts as missed: the figure is that of the other events, times their share. To whom returns matter, it says nothing.

log, best = make_log(return_rate=0.4) if options.data is None else (read_data(options).log, None)
past, test = temporal_train_test_split(log, test_size=0.2)
print("seen items left out:")
hidden = fit_and_score(past, test)
print("seen items kept:")
kept = fit_and_score(past, test, exclude_seen=False)
shown["repeats left out"] = hidden, kept, best
print(f"MRR {hidden:.3f} without seen items, {kept:.3f} with them")

# %%
# Three mistakes
# --------------
# An honest figure may be above or below the mistaken one; it is never above what an oracle can do, but by chance.

figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
places = np.arange(len(shown))
mistaken, honest, best = zip(*shown.values(), strict=True)
axes.bar(places - 0.2, mistaken, 0.4, label="with the mistake", color="#d55e00")
axes.bar(places + 0.2, honest, 0.4, label="without", color="#0072b2")
if options.data is None:
    axes.hlines(best, places - 0.45, places + 0.45, color="#404040", linestyle="--", label="best possible")
axes.set(xticks=places, xticklabels=shown, ylabel="MRR", title="What a mistake is worth")
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
show_figure(figure, options.figure)
