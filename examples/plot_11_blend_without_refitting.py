"""
Other weights without another fit
=================================

The score is a blend of parts. A fit chooses the weights, and they may be changed afterwards in microseconds:
``with_blend`` returns the fitted recommender with other ones, and ``Reblended`` lets a search try many while each fold
is fitted once. Run it on a log of your own with ``--data FILE``.
"""

import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
from shared.options import option_parser, read_data, show_figure
from sklearn.model_selection import GridSearchCV

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.metrics import mrr_scorer
from skautoseqrec.model_selection import Reblended, TemporalSplit, temporal_train_test_split

options = option_parser("Other weights without another fit: on a log of films or on a file.").parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)
past, test = temporal_train_test_split(data.log, test_size=0.1)
train, valid = temporal_train_test_split(past, test_size=0.1)

# %%
# What a fit has chosen
# ---------------------

recommender = AutoSeqRecRecommender(objective="closed_form", gate=False, verbose=0).fit(train)
blend = recommender.blend_
for part, weight in blend.items():
    if np.any(weight):
        print(f"{part:>12}: {np.round(weight, 2).tolist()}")

# %%
# Each part alone, and each part left out
# ---------------------------------------
# The parts are asked on the validation part, which comes after the fitted events and before the test. A part that is no
# loss when it is left out, may be: answers then take less time.

parts = [part for part, weight in blend.items() if np.any(weight)]
alone = {part: recommender.with_blend({part: blend[part]}).score(valid) for part in parts}
without = {}
for part in parts:
    nothing = (0.0 * np.atleast_1d(blend[part])).tolist()
    others = {**blend, part: tuple(nothing) if len(nothing) > 1 else nothing[0]}
    without[part] = recommender.with_blend(others).score(valid) if len(parts) > 1 else 0.0
whole = recommender.score(valid)
print(f"{'MRR':>12}  alone   left out   (all: {whole:.4f})")
for part in parts:
    print(f"{part:>12}  {alone[part]:.4f}  {without[part]:.4f}")

# %%
# A line through the weights
# --------------------------
# More weight for popularity, or less: each point is a walk over the validation part, and none is a fit.

start = time.perf_counter()
factors = np.array([0, 0.25, 0.5, 1, 2, 4, 8])
curve = [
    recommender.with_blend({**blend, "trend": tuple(factor * np.array(blend["trend"]))}).score(valid)
    for factor in factors
]
best = factors[np.argmax(curve)]
print(f"{len(factors)} blends in {time.perf_counter() - start:.1f} s; best: {best} times the fitted weight")

# %%
# A search that fits each fold once
# ---------------------------------
# ``Reblended`` with ``memory`` finds the fitted recommender of a fold on the disk. Likelihood, which a fit maximises,
# is not MRR; what a search finds on the folds may still be no better on the test.

# With a blend that is given, a fit is a matter of counting.
counted = {"blend": {"direct": 1.0}, "early_stopping": False, "linear_penalty": None}
half_life = int(np.argmax(blend["trend"]))
trend = tuple(float(place == half_life) for place in range(len(blend["trend"])))
grid = [{"direct": direct, "neighbours": 1.0, "trend": trend} for direct in (0.0, 0.5, 1.0, 2.0)]
with tempfile.TemporaryDirectory() as folder:
    search = GridSearchCV(
        Reblended(AutoSeqRecRecommender(objective="closed_form", **counted, verbose=0), memory=folder),
        {"blend": grid},
        scoring=mrr_scorer,
        cv=TemporalSplit(n_splits=2, test_size=0.1),
    )
    start = time.perf_counter()
    search.fit(past)
    seconds = time.perf_counter() - start
print(f"{len(grid)} blends over 2 folds in {seconds:.1f} s; best: {search.best_params_['blend']}")
recommender.partial_update(valid)  # now both know the same events
print(f"MRR on the test: searched {search.score(test):.4f}, fitted {recommender.score(test):.4f}")

# %%
# What each part is worth
# -----------------------

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
places = np.arange(len(parts))
axes[0].bar(places - 0.2, [alone[part] for part in parts], 0.4, label="alone", color="#0072b2")
axes[0].bar(places + 0.2, [without[part] for part in parts], 0.4, label="left out", color="#d55e00")
axes[0].set(xticks=places, xticklabels=parts, ylabel="MRR on the validation part", title="One part")
axes[1].plot(np.arange(len(factors)), curve, "-o", color="#009e73", label="popularity weighs more, or less")
axes[1].set(xticks=np.arange(len(factors)), xticklabels=[f"{factor:g}" for factor in factors], title="Weight of trend")
axes[1].set(xlabel="times the fitted weight")
axes[0].set_ylim(0, 1.3 * max(whole, *curve))
for ax in axes:
    ax.axhline(whole, color="#404040", linestyle="--", label="the fitted blend")
    ax.legend(frameon=False, loc="upper center", ncols=3 if ax is axes[0] else 1, fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)
show_figure(figure, options.figure)
