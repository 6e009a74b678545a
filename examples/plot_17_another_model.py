"""
Another model beside the recommender
====================================

The recommender learns from events alone. What else is known of the items, or another model that is there already, can
have a say in its score: ``HybridRecommender`` adds the scores of any function of histories, with a weight that is
fitted on held-out events. Here the function knows genres. Run it on a log of your own with ``--data FILE --titles
FILE``.
"""

import matplotlib.pyplot as plt
import numpy as np
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.ensemble import HybridRecommender
from skautoseqrec.metrics import bootstrap_interval
from skautoseqrec.model_selection import temporal_train_test_split

options = option_parser("A model of one's own beside the recommender, on a log of films or on a file.").parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)
past, test = temporal_train_test_split(data.log, test_size=0.1)

# %%
# A part of one's own
# -------------------
# A part is called with histories (lists of item ids, oldest first) and the ids of the items to score, and returns a row
# of scores for each history. What it does not know is NaN. This one scores an item by its likeness to the last items of
# a history: the cosine of their genres. A log without genres has the words of the titles in their place.

titles = data.titles.set_index("item_id")
tags = titles["genres"].str.get_dummies("|") if "genres" in titles else titles["title"].str.get_dummies(" ")
unit = tags / np.sqrt(tags.sum(axis=1)).to_numpy()[:, None]


class LikeTheLast:
    """Likeness of an item to the last items of a history, by what the items are."""

    def __init__(self, n_last):
        self.n_last = n_last

    def __call__(self, histories, item_ids):
        """Return a row of scores for each history."""
        last = [unit.reindex(history[-self.n_last :]).mean() for history in histories]
        return np.array(last) @ unit.reindex(item_ids).to_numpy().T


# %%
# How much it is worth
# --------------------
# The recommender and the part are fitted on the log without its newest tenth, and the weight on that tenth: the one
# that makes its items most likely. Then both are fitted on the whole log. (This part has no ``fit``: nothing is learned
# from the log.)

recommender = AutoSeqRecRecommender(objective="closed_form", gate=False, verbose=0)
hybrid = HybridRecommender(recommender, LikeTheLast(5)).fit(past)
print(f"weight {hybrid.weight_:.3f}")
with_genres, without = hybrid.score_samples(test), hybrid.recommender_.score_samples(test)
print(f"MRR with genres {with_genres.mean():.4f}, without {without.mean():.4f}")
low, high = bootstrap_interval(with_genres - without, test["user_id"], random_state=0)
print(f"the difference is between {low:.4f} and {high:.4f} (95 % of resampled users)")

# %%
# The weight says by itself whether a part is needed. One that says nothing weighs 0, and the hybrid is the recommender.

rng = np.random.default_rng(0)
luck = dict(zip(data.titles["item_id"], rng.normal(size=len(data.titles)), strict=True))


def by_luck(histories, item_ids):
    """Score items by a number that was drawn for each."""
    return np.tile([luck[item] for item in item_ids.tolist()], (len(histories), 1))


print(f"the weight of luck: {HybridRecommender(recommender, by_luck).fit(past).weight_:.3f}")

# %%
# Updates and explanations
# ------------------------
# The recommender holds the events, and the part is asked with the histories as they are. So an update counts at once
# for both, and nothing is fitted. ``explain`` has the part as one more row, "outside".

user = test["user_id"].iloc[0]
hybrid.partial_update(test[test["user_id"] == user])
best = hybrid.predict_topk([user], k=5)[0].tolist()
for sentence in hybrid.explain(user, best, titles=data.titles).sentences[0]:
    print(sentence)

# %%
# What each part adds to the score of these five, beside the mean over all candidates: only such differences rank items.

centered = hybrid.explain(user, best).centered
figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
left, right = np.zeros(5), np.zeros(5)
for name, (values,) in centered.items():
    if values.any():
        axes.barh(range(5), values, left=np.where(values < 0, left, right), label=name)
        left, right = left + np.minimum(values, 0), right + np.maximum(values, 0)
axes.set_yticks(range(5), [titles["title"][item][:40] for item in best])
axes.invert_yaxis()
axes.set(xlabel="what a part adds, beside its mean", title="The best five, by part")
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
show_figure(figure, options.figure)
