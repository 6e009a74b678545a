"""
Saving, a journal, and loading
==============================

A service must not lose what it has learned. ``save_model`` writes a file that is safe to load, whoever wrote it; with a
journal every update is on the disk before it returns. Run it on a log of your own with ``--data FILE``.
"""

import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from shared.options import option_parser, read_data, show_figure

from skautoseqrec import AutoSeqRecRecommender, ModelFileError, load_model
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.model_selection import temporal_train_test_split

parser = option_parser("Saving, a journal, and loading: on a log of films or on a file.")
parser.add_argument("--events", type=int, default=200, help="how many events arrive one by one (default: 200)")
options = parser.parse_args()
data = load_movie_tweetings() if options.data is None else read_data(options)
past, test = temporal_train_test_split(data.log, test_size=0.1)
recommender = AutoSeqRecRecommender(objective="closed_form", gate=False, verbose=0).fit(past)
users = past["user_id"].unique()[:20]


def updates(events):
    """Add events one by one, and return the seconds that each took."""
    seconds = []
    for event in events.itertuples(index=False, name=None):
        start = time.perf_counter()
        recommender.partial_update([event])
        seconds.append(time.perf_counter() - start)
    return np.array(seconds)


# %%
# Save and load
# -------------
# The file holds arrays and a description in JSON, and no code. The loaded model gives the same answers.

folder = Path(tempfile.mkdtemp())
path, journal = folder / "model.safetensors", folder / "model.journal"
recommender.save_model(path)
loaded = load_model(path)
print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
print("same answers:", bool((loaded.predict_topk(users) == recommender.predict_topk(users)).all()))

# %%
# With a journal
# --------------
# From now on each update is recorded before it returns. What that takes depends on the disk.

in_memory = updates(test.iloc[: options.events])
recommender.save_model(path, journal=journal)
recorded = updates(test.iloc[options.events : 2 * options.events])
for name, seconds in (("in memory", in_memory), ("with a journal", recorded)):
    print(f"{name}: median {np.median(seconds) * 1e6:.0f} microseconds an update")

# %%
# After a crash, the saved model and its journal are all that is left. Here the journal is closed, as a process that
# ends does; ``load_model`` repeats what it holds, and goes on recording.

recommender.close_journal()
loaded = load_model(path, journal=journal)
print("nothing is lost:", bool((loaded.predict_topk(users) == recommender.predict_topk(users)).all()))
loaded.close_journal()

# %%
# A damaged file
# --------------
# One byte of a copy is changed. The file is checked to its last byte, and refused.

content = bytearray(path.read_bytes())
content[len(content) // 2] ^= 1
(folder / "damaged.safetensors").write_bytes(content)
try:
    load_model(folder / "damaged.safetensors")
except ModelFileError as error:
    print(str(error).replace(f"{folder}/", ""))

# %%
# What a journal takes
# --------------------

figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
edges = np.geomspace(min(in_memory.min(), recorded.min()), max(in_memory.max(), recorded.max()), 50) * 1e6
axes.hist(in_memory * 1e6, bins=edges, alpha=0.7, label="in memory", color="#0072b2")
axes.hist(recorded * 1e6, bins=edges, alpha=0.7, label="with a journal", color="#d55e00")
axes.set(xscale="log", xlabel="microseconds", ylabel="updates", title="How long an update of one event takes")
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
show_figure(figure, options.figure)
