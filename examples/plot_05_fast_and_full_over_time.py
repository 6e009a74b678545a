"""
The fast model and the full one, over time
==========================================

``objective="closed_form"`` counts and solves. The default model trains a network besides, which takes many times as
long. Whether that pays is a question of the log: ``compare`` and a figure over time answer it. Run it on a log of your
own with ``--data FILE``.
"""

import matplotlib.pyplot as plt
import numpy as np
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.baselines import DecayedPopularityRecommender
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.inspection import WalkForwardDisplay
from skautoseqrec.metrics import ranks_from_reciprocal
from skautoseqrec.model_selection import TemporalSplit, compare

parser = option_parser("The fast model and the full one: on a log of films or on a file.")
parser.add_argument("--max-iter", type=int, default=2, help="most epochs of the network (default: 2)")
parser.add_argument("--components", type=int, default=32, help="components of the network (default: 32)")
options = parser.parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)

# %%
# Side by side
# ------------
# The newest fifth is ranked event by event. The network is kept small here and stops early, so that this page is made
# in seconds: ``--max-iter 100 --components 256`` are the defaults of the package.

models = {
    "popular lately": DecayedPopularityRecommender(),
    "fast (closed form)": AutoSeqRecRecommender(objective="closed_form", gate=False, verbose=0),
    "full (with a network)": AutoSeqRecRecommender(
        n_components=options.components, max_iter=options.max_iter, refit=False, gate=False, random_state=0, verbose=0
    ),
}
cv = TemporalSplit(1, test_size=0.2)
comparison = compare(models, data.log, cv=cv, metrics=["mrr", "recall@10"], random_state=0)
shown = ["model", "metric", "value", "low", "high", "difference", "fit_seconds", "events_per_second"]
print(comparison.table[shown].round(3).to_string(index=False))

# %%
# The difference of the two, event by event
# -----------------------------------------
# Hard events are hard for both, so their difference is known better than either figure. A difference of less than two
# standard errors is none that this log can show: then take the fast model, which is refitted in seconds.

fast, full = (comparison.reciprocal_ranks[name] for name in ("fast (closed form)", "full (with a network)"))
difference = full - fast
by_user = [difference[comparison.users == user].sum() for user in np.unique(comparison.users)]
error = np.sqrt(np.square(np.array(by_user) - np.mean(by_user)).sum()) / len(difference)
print(f"full minus fast: {difference.mean():+.4f} MRR, standard error over users {error:.4f}")

# %%
# Over time
# ---------
# Nothing is fitted again while the models walk: all three learn from each event as it comes. The bands are 1.96
# standard errors over users.

test = data.log.iloc[comparison.rows]
ranks = {name: ranks_from_reciprocal(values) for name, values in comparison.reciprocal_ranks.items()}
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
WalkForwardDisplay.from_predictions(ranks, test, n_windows=8, time_unit=None, ax=axes)
axes.set_title("The newest fifth, in time order")
show_figure(figure, options.figure)
