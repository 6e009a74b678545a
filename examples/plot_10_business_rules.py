"""
Rules of the house: stock, quotas, variety
==========================================

What is sold out must not be shown, some things must be, and a page of ten sequels is no page. Three arguments of
``predict_topk`` do that: ``candidates``, ``exclude`` and ``rerank``. Run it on a log of your own with
``--data FILE --titles FILE``.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.metrics import catalogue_coverage, intra_list_diversity
from skautoseqrec.model_selection import temporal_train_test_split
from skautoseqrec.reranking import MaximalMarginalRelevance, MaxPerGroup

options = option_parser("Stock lists, quotas and variety: on a log of films or on a file.").parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)
past, test = temporal_train_test_split(data.log, test_size=0.1)
recommender = AutoSeqRecRecommender(objective="closed_form", gate=False, verbose=0).fit(past)
user = test["user_id"].iloc[0]


def show(name, **rules):
    """Print the titles of a user's page under some rules."""
    page = recommender.predict_topk([user], k=5, output="frame", titles=data.titles, **rules)
    print(f"{name}:\n    " + "\n    ".join(page["title"]))


# %%
# Stock lists
# -----------
# Lists may be the same for all users or one for each.

show("no rule")
best = recommender.predict_topk([user], k=2)[0].tolist()
show("the first two are sold out", exclude=best)
busy = past["item_id"].value_counts()
show("only what is seldom asked for", candidates=busy.index[busy.between(5, 15)].tolist())

# %%
# Quotas
# ------
# At most one item of each group, the first genre of a film here. A log without genres is grouped by the first letter of
# the title.

column = data.titles["genres"] if "genres" in data.titles else data.titles["title"].str[:1]
groups = pd.DataFrame({"item_id": data.titles["item_id"], "group": column.str.split("|").str[0]})
show("one of each genre", rerank=MaxPerGroup(1, groups))

# %%
# A rule of one's own
# -------------------
# Any function can put a page in order. This one lets a campaign have the second place, if the user would see anything
# of it among the best hundred.

campaign = set(groups.loc[groups["group"] == groups["group"].mode()[0], "item_id"])


def promote(users, ids, scores):
    """Put the best item of the campaign in the second place of each page."""
    pages = []
    for page in ids:
        order = page.tolist()
        promoted = next((item for item in order[1:] if item in campaign), None)
        if promoted is not None:
            order.remove(promoted)
            order.insert(1, promoted)
        pages.append(order)
    return pages


show("the campaign in the second place", rerank=promote, rerank_size=100)

# %%
# What variety costs
# ------------------
# ``MaximalMarginalRelevance`` weighs the score against likeness to what stands already on the page; by their
# genres here, without ``vectors`` by who takes them. Below: how often
# the page of ten holds the next item of its user, and how unlike its items are.

item_ids = recommender.item_ids_
genres = column.str.get_dummies("|").set_index(data.titles["item_id"])
vectors = genres.reindex(item_ids, fill_value=0).to_numpy()
following = test.drop_duplicates("user_id")
following = following[following["user_id"].isin(past["user_id"])]
points = []
TRADE_OFFS = (1.0, 0.9, 0.8, 0.7, 0.5, 0.3)
for trade_off in TRADE_OFFS:
    rerank = MaximalMarginalRelevance(trade_off, vectors=genres.reset_index(), rerank_size=50)
    lists = recommender.predict_topk(following["user_id"].tolist(), k=10, rerank=rerank)
    hits = np.mean([item in page for item, page in zip(following["item_id"], lists, strict=True)])
    points.append((intra_list_diversity(lists, item_ids, vectors), hits, catalogue_coverage(lists, past)))
    print(f"trade-off {trade_off}: diversity {points[-1][0]:.3f}, recall {hits:.3f}, coverage {points[-1][2]:.3f}")

# %%
# With as few users as here, recall moves by chance more than by the rule: variety of genres is free on this log.

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
diversity, recall, _ = np.array(points).T
axes.plot(diversity, recall, "-o", color="#0072b2")
for trade_off, x, y in zip(TRADE_OFFS, diversity, recall, strict=True):
    axes.annotate(f"{trade_off}", (x, y), textcoords="offset points", xytext=(6, 5))
axes.set(
    xlabel="diversity of genres in a list of ten", ylabel="recall of the next item", ylim=(0, 1.4 * recall.max() + 0.01)
)
axes.set_title(f"What variety costs: {len(following)} users, by trade-off")
axes.spines[["top", "right"]].set_visible(False)
show_figure(figure, options.figure)
