"""
Files of your own: from csv to titles
=====================================

Three usual files, each read as it comes and turned into titled recommendations by four lines: ratings with a header, a
table without one, and a retailer's invoices. ``--data FILE`` reads a file of yours instead; its options say how it is
spelled.

On the command line the same is::

    skautoseqrec fit ratings.csv --fast -o model.safetensors
    skautoseqrec recommend model.safetensors 196 186 --titles movies.csv
"""

import csv
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import load_interactions, load_movie_tweetings, load_titles, make_interactions

options = option_parser("From files of usual spellings to titled recommendations.").parse_args()

# %%
# The files
# ---------
# They are written here, small, with the columns that MovieLens and the Online Retail data set have.

folder = Path(tempfile.mkdtemp())
films = load_movie_tweetings()
ratings = films.log.tail(6000).assign(rating=4)
codes = films.titles.assign(code=range(1, len(films.titles) + 1)).set_index("item_id")
ratings["code"] = ratings["item_id"].map(codes["code"])

names = {"user_id": "userId", "code": "movieId"}
ratings.rename(columns=names)[["userId", "movieId", "rating", "timestamp"]].to_csv(folder / "ratings.csv", index=False)
codes.rename(columns=names)[["movieId", "title", "genres"]].to_csv(folder / "movies.csv", index=False)

no_header = {"index": False, "header": False}
ratings[["user_id", "code", "rating", "timestamp"]].to_csv(folder / "u.data", sep="\t", **no_header)
codes[["code", "title"]].to_csv(folder / "u.item", sep="|", encoding="latin-1", **no_header)

PRODUCTS = ("CRÈME JAR", "TEA TOWEL", "CAKE STAND", "LUNCH BAG", "PAPER CHAIN", "WALL CLOCK", "DOORMAT", "MUG")
COLOURS = ("RED", "BLUE", "PINK", "GREEN", "IVORY")
with (folder / "retail.csv").open("w", encoding="latin-1", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"])
    world = {"n_users": 80, "n_items": 40, "n_events": 1500, "basket_size": 3, "return_rate": 0.3}
    for customer, product, moment in make_interactions(**world, random_state=0).tolist():
        name = f"{COLOURS[product % 5]} {PRODUCTS[product // 5]}"
        date = np.datetime64("2011-01-04T08:00") + np.timedelta64(25 * moment, "m")
        invoice = [moment, f"{22000 + product}", name, 1, date.item().strftime("%m/%d/%Y %H:%M"), 2.95]
        writer.writerow([*invoice, "" if moment % 50 == 0 else 17800 + customer])  # some rows name no customer
for path in sorted(folder.iterdir()):
    print(f"{path.name}: {path.read_text(encoding='latin-1').splitlines()[1]}")

# %%
# MovieLens with a header line
# ----------------------------
# The usual names of columns are known, so nothing needs to be said. The rating is not read: a log holds what happened.

log = load_interactions(folder / "ratings.csv")
recommender = AutoSeqRecRecommender(objective="closed_form").fit(log)
users = recommender.user_ids_[:2]
print(recommender.predict_topk(users, k=3, output="frame", titles=load_titles(folder / "movies.csv")))

# %%
# MovieLens-100K, without one
# ---------------------------

log = load_interactions(folder / "u.data", sep="\t", names=["user", "item", "rating", "timestamp"])
recommender = AutoSeqRecRecommender(objective="closed_form").fit(log)
users = recommender.user_ids_[:2]
print(recommender.predict_topk(users, k=3, output="frame", titles=load_titles(folder / "u.item")))

# %%
# Invoices of a shop
# ------------------
# Customers buy again what they have bought, so seen items stay in. Several products of one invoice share a time and
# have no order: ``ties="auto"`` sees that. The descriptions stand in the log itself.

form = {"encoding": "latin-1", "time_format": "%m/%d/%Y %H:%M", "skip_missing": True}
log = load_interactions(folder / "retail.csv", **form)
recommender = AutoSeqRecRecommender(objective="closed_form", exclude_seen=False).fit(log)
print(recommender.predict_topk([17800], k=3, output="frame", titles=load_titles(folder / "retail.csv")))
print(f"events of one time are taken as: {recommender.ties_}")

# %%
# A file of yours
# ---------------
# ``--data FILE --titles FILE`` does the same with any file. What is wrong in it is said with its line and column.

if options.data is not None:
    data = read_data(options)
    recommender = AutoSeqRecRecommender(objective="closed_form").fit(data.log)
    print(recommender.predict_topk(recommender.user_ids_[-3:], k=5, output="frame", titles=data.titles))

# %%
# A look at a log before anything is fitted
# -----------------------------------------
# Few items have most events, and users differ just as much: that is so in nearly every log.

seen = films.log if options.data is None else data.log
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained", sharey=True)
for ax, column, name in zip(axes, ("item_id", "user_id"), ("items", "users"), strict=True):
    events = seen[column].value_counts().to_numpy()
    ax.loglog(np.arange(1, len(events) + 1), events, color="#0072b2", linewidth=2)
    half = int(np.searchsorted(events.cumsum(), events.sum() / 2)) + 1
    ax.axvline(half, color="#d55e00", linestyle="--", label=f"{half} of {len(events):,} have half of all events")
    ax.set(xlabel=f"{name}, the busiest first", title=f"Events of {name}")
    ax.legend(frameon=False, loc="lower left", fontsize="small")
axes[0].set_ylabel("events")
show_figure(figure, options.figure)
