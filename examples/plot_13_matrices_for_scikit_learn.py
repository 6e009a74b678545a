"""
Matrices for scikit-learn's own estimators
==========================================

Two transformers turn a log into sparse matrices, and scikit-learn does the rest: likeness, topics, a map. Run it on a
log of your own with ``--data FILE --titles FILE``.
"""

import matplotlib.pyplot as plt
import numpy as np
from shared.options import option_parser, read_data, show_figure
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.preprocessing import ItemTransitionTransformer, UserItemTransformer

options = option_parser("Matrices for scikit-learn: from a log of films or from a file.").parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)
title_of = dict(zip(data.titles["item_id"], data.titles["title"], strict=True))

# %%
# Users by items
# --------------
# Counts of how often each user took each item. Rows and columns are in the order of ``user_ids_`` and ``item_ids_``.

counter = UserItemTransformer()
counts = counter.fit_transform(data.log)
titles = [title_of[item] for item in counter.item_ids_.tolist()]
print(f"{counts.shape[0]} users, {counts.shape[1]:,} items, {counts.nnz:,} pairs")

# %%
# Which items are alike
# ---------------------
# Items whose users are the same, weighed so that busy users say less of a single item.

by_item = TfidfTransformer().fit_transform(counts.T)
neighbours = NearestNeighbors(n_neighbors=4, metric="cosine").fit(by_item)
busiest = np.argsort(-np.asarray(counts.sum(axis=0)).ravel())[:200]
_, found = neighbours.kneighbors(by_item[busiest[:3]])
for row in found.tolist():
    print(f"{titles[row[0]]}: {'; '.join(titles[place] for place in row[1:])}")

# %%
# Topics of a shelf
# -----------------
# Non-negative factors: each is a group of items that the same users take.

topics = NMF(n_components=4, init="nndsvda", random_state=0, max_iter=300).fit(TfidfTransformer().fit_transform(counts))
for number, topic in enumerate(topics.components_):
    print(f"topic {number}: {'; '.join(titles[place] for place in np.argsort(-topic)[:4])}")

# %%
# What follows what
# -----------------
# Transitions have a direction: a row is what comes after an item. Items with the same followers stand near each other
# on this map of the 200 busiest items. Nothing but the order of events has placed them.

transitions = ItemTransitionTransformer().fit_transform(data.log)
pipe = make_pipeline(TfidfTransformer(), TruncatedSVD(20, random_state=0), Normalizer())
vectors = pipe.fit_transform(transitions[busiest])
groups = KMeans(4, n_init=5, random_state=0).fit_predict(vectors)
places = TruncatedSVD(3, random_state=0).fit_transform(vectors)[:, 1:]

figure, axes = plt.subplots(figsize=(9, 6), layout="constrained")
colours = np.array(["#0072b2", "#d55e00", "#009e73", "#cc79a7"])[groups]
axes.scatter(*places.T, s=14, c=colours)
for group in range(4):
    members = np.flatnonzero(groups == group)
    for place in members[:3]:
        label = {"fontsize": 8, "color": colours[place], "xytext": (4, 3), "textcoords": "offset points"}
        axes.annotate(titles[busiest[place]][:26], places[place], **label)
axes.margins(x=0.1)
axes.set(title="The busiest items, by what follows them", xticks=[], yticks=[])
show_figure(figure, options.figure)
