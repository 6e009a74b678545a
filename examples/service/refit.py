"""Fit a model on all that is known: the log from before the service, and the events that it has let in since.

``python refit.py shop`` writes ``shop/refits/<number>.safetensors``, the number of updates of ``shop/events.jsonl``
that the model knows. ``POST /reload`` swaps it in. Replace ``load_history`` by your own.
"""

from __future__ import annotations

import argparse
import csv
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from event_log import Row, read_updates, rows_of
from schemas import Dislike

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import load_movie_tweetings


def load_history(folder: Path) -> list[Row]:
    """Return the log from before the service, and write the titles of its items."""
    data = load_movie_tweetings()
    with (folder / "titles.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("item_id", "title"), *rows_in(data.titles, ("item_id", "title"))])
    return rows_in(data.log, ("user_id", "item_id", "timestamp"))


def rows_in(frame: Any, names: tuple[str, ...]) -> list[Any]:
    """Return columns of a frame of any kind as rows."""
    return list(zip(*(np.asarray(frame[name]).tolist() for name in names), strict=True))


def refit(folder: Path) -> Path:
    """Fit on the history and the event log, and return where the model is."""
    (folder / "refits").mkdir(parents=True, exist_ok=True)
    log = folder / "events.jsonl"
    updates = list(read_updates(log)) if log.exists() else []
    later = chain.from_iterable(rows_of(update) for update in updates if not isinstance(update, Dislike))
    recommender = AutoSeqRecRecommender(objective="closed_form").fit([*load_history(folder), *later])
    for update in updates:  # a fit begins without dislikes
        if isinstance(update, Dislike):
            recommender.dislike([(update.user, update.item)], withdraw=update.withdraw)
    path = folder / "refits" / f"{len(updates)}.safetensors"
    recommender.save_model(path)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fit a model for the service, or the next one.")
    parser.add_argument("folder", type=Path, help="the folder that the service serves from")
    print(refit(parser.parse_args().folder))
