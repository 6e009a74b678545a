"""
Tune with Optuna
================

A grid tries everything; Optuna's search learns from what it has tried. It draws parameters of the recommender, scores
them over folds in time, and ends with the best one fitted on the whole past. Parameters of the network, such as
``learning_rate``, are searched in the same way. Run it on a log of your own with ``--data FILE``.
"""

import warnings

import matplotlib.pyplot as plt
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna_integration import OptunaSearchCV
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import make_interactions
from skautoseqrec.metrics import mrr_scorer
from skautoseqrec.model_selection import TemporalSplit, temporal_train_test_split

parser = option_parser("Tune a recommender with Optuna: on a synthetic log or on a file.")
parser.add_argument("--trials", type=int, default=8, help="how many sets of parameters to try (default: 8)")
options = parser.parse_args()

# %%
# The log
# -------
# The newest tenth is the test, which no search may see.

if options.data is None:
    log = make_interactions(n_users=150, n_items=60, n_events=3000, random_state=0)
else:
    log = read_data(options).log
past, test = temporal_train_test_split(log, test_size=0.1)

# %%
# The search
# ----------
# The scorers are plain callables, so ``OptunaSearchCV`` takes them as scikit-learn's own searches do.

warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
warnings.filterwarnings("ignore", category=FutureWarning, module="optuna")  # Optuna calls its own terminator
optuna.logging.set_verbosity(optuna.logging.WARNING)
distributions = {
    "transition_window": CategoricalDistribution([1, 2, 5]),
    "neighbour_decay": FloatDistribution(0.3, 1.0),
    "linear_penalty": FloatDistribution(10, 3000, log=True),
}
recommender = AutoSeqRecRecommender(objective="closed_form", gate=False, verbose=0)
search = OptunaSearchCV(
    recommender,
    distributions,
    cv=TemporalSplit(n_splits=2, test_size=0.15),
    n_trials=options.trials,
    random_state=0,
    scoring=mrr_scorer,
).fit(past)

print(f"{'MRR':>6}  " + "  ".join(f"{name:>17}" for name in distributions))
for trial in sorted(search.trials_, key=lambda trial: trial.value, reverse=True):
    print(f"{trial.value:6.4f}  " + "  ".join(f"{trial.params[name]:17.4g}" for name in distributions))

# %%
# The best one on what came after
# -------------------------------

tuned, default = search.best_estimator_.score(test), recommender.fit(past).score(test)
print(f"MRR on the test: {tuned:.4f} with the best parameters, {default:.4f} with the default ones")

# %%
# What was tried, and how good the best was by then
# -------------------------------------------------

values = [trial.value for trial in search.trials_]
numbers = range(1, len(values) + 1)
figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
axes.plot(numbers, values, "o", label="trial")
axes.step(numbers, [max(values[:number]) for number in numbers], where="post", label="best so far")
axes.set(xlabel="trial", ylabel="MRR over the folds", title="A search with Optuna")
axes.legend(frameon=False)
show_figure(figure, options.figure)
