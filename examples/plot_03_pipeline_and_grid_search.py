"""
Pipeline and grid search
========================

The recommender is a scikit-learn estimator: it stands in pipelines, and searches tune it with folds in time. Run it on
a log of your own with ``--data FILE``.
"""

import matplotlib.pyplot as plt
from shared.options import option_parser, read_data, show_figure
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.metrics import RankingScorer
from skautoseqrec.model_selection import TemporalSplit, temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder, SequenceMatrixTransformer

options = option_parser("A pipeline and a grid search: on a log of films or on a file.").parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)
past, test = temporal_train_test_split(data.log, test_size=0.1)

# %%
# A pipeline
# ----------
# Each step returns the same log with more in it: codes, then matrices, then recommendations. The recommender alone is
# the same model; steps are for those who want to look at what is between. The blend is given here, so that each fit is
# a matter of counting.

blend = {"direct": 0.6, "neighbours": 0.7, "trend": (0.0, 0.7, 0.0, 0.0)}
counted = {"objective": "closed_form", "blend": blend, "early_stopping": False, "linear_penalty": None}
pipe = make_pipeline(InteractionEncoder(), SequenceMatrixTransformer(), AutoSeqRecRecommender(**counted)).fit(past)
print(pipe)
matrices = pipe[:-1].transform(past)
print(f"{matrices}: {matrices.user_item.nnz:,} counts of users and items, {matrices.transitions.nnz:,} transitions")
user = past["user_id"].iloc[-1]
print(pipe[-1].predict_topk([user], k=5, output="frame", titles=data.titles).to_string(index=False))

# %%
# A grid over folds in time
# -------------------------
# ``TemporalSplit`` always tests on what came after. scikit-learn's own ``cv=3`` would train on the future. One walk
# over a fold gives both metrics.

grid = {"neighbour_window": [5, 20, 80], "neighbour_decay": [0.5, 0.8, 0.95]}
search = GridSearchCV(
    AutoSeqRecRecommender(**counted),
    grid,
    scoring=RankingScorer(("mrr", "recall@10")),
    refit="mrr",
    cv=TemporalSplit(n_splits=2, test_size=0.1),
).fit(past)
print(f"best of {len(search.cv_results_['params'])}: {search.best_params_}")

# %%
# The search has not seen the test. Best on the folds need not be best there: the differences are small.

print(f"MRR on the test: best {search.best_estimator_.score(test):.4f}, default {pipe.score(test):.4f}")

# %%
# What each setting gave
# ----------------------

results = search.cv_results_
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
styles = zip(grid["neighbour_window"], ("#0072b2", "#d55e00", "#009e73"), ("o", "s", "^"), strict=True)
for window, colour, marker in styles:
    chosen = results["param_neighbour_window"] == window
    for ax, metric in zip(axes, ("mrr", "recall@10"), strict=True):
        scores, errors = (results[f"{kind}_test_{metric}"][chosen] for kind in ("mean", "std"))
        line = {"color": colour, "marker": marker, "capsize": 3, "label": f"window {window}"}
        ax.errorbar(grid["neighbour_decay"], scores, yerr=errors, **line)
for ax, name in zip(axes, ("MRR", "Recall@10"), strict=True):
    ax.set(xlabel="neighbour_decay", title=f"{name}: mean and spread of two folds")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False)
show_figure(figure, options.figure)
