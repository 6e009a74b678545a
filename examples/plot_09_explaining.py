"""
Why an item is recommended, and why not
=======================================

In words, in numbers and in a figure. Run it on a log of your own with ``--data FILE --titles FILE``.
"""

import matplotlib.pyplot as plt
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.inspection import ExplanationDisplay

parser = option_parser("Why items are recommended: on a log of films or on a file.")
parser.add_argument("--about", metavar="ID", help="the user to explain things to (default: who acted last)")
options = parser.parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)
log, titles = data.log, dict(zip(data.titles["item_id"], data.titles["title"], strict=True))
recommender = AutoSeqRecRecommender(objective="closed_form", verbose=0).fit(log)
user = log["user_id"].iloc[-1] if options.about is None else log["user_id"].dtype.type(options.about)

# %%
# In words
# --------
# The past items that speak for each recommendation, and with which share. Popularity is not shared out: what is shown
# to everybody is shown because of nobody's past.

page = recommender.predict_topk([user], k=5, output="frame", titles=titles)
told = recommender.explain(user, page["item_id"].tolist(), titles=titles)
for title, sentence in zip(page["title"], told.sentences[0], strict=True):
    print(f"{title}: {sentence}")

# %%
# Why not
# -------
# An item that is missing from the list has been seen, is excluded, or stands further down.

seen = log.loc[log["user_id"] == user, "item_id"].iloc[-1]
unseen = log.loc[~log["item_id"].isin(log.loc[log["user_id"] == user, "item_id"]), "item_id"].iloc[0]
best = page["item_id"].iloc[0]
told = recommender.explain(user, [seen, best, unseen], titles=titles, exclude=[best])
for item, status, sentence in zip([seen, best, unseen], told.status[0], told.sentences[0], strict=True):
    print(f"{titles[item]} [{status}]: {sentence}")

# %%
# In numbers
# ----------
# The score is a sum of parts. Only how far a part is above its mean over all candidates ranks an item, which is what
# ``centered`` holds.

told = recommender.explain(user, page["item_id"].tolist())
for part, values in told.centered.items():
    if abs(values).max() > 0:
        print(f"{part:>12}:", " ".join(f"{value:+.2f}" for value in values[0]))
frame = recommender.explain(user, [best], titles=titles, output="frame")
print(frame[frame["value"] != 0].to_string(index=False))

# %%
# In a figure
# -----------
# What the part of nearest neighbours takes from each past item, for the first recommendation by neighbours alone.

neighbours = recommender.with_blend({"neighbours": 1.0})
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
ExplanationDisplay.from_estimator(neighbours, user, titles=titles, ax=axes)
show_figure(figure, options.figure)
