"""The log that comes with the package: it is whole, has its licence, and is worth learning."""

import subprocess
import sys
from collections import Counter, defaultdict
from gzip import decompress
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import load_movie_tweetings
from skautoseqrec.metrics import mean_reciprocal_rank, ranks_from_reciprocal

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data():
    return load_movie_tweetings()


def test_the_package_holds_it(data):
    folder = files("skautoseqrec.datasets") / "data"
    names = {path.name for path in folder.iterdir()}
    assert names == {"movie_tweetings.csv.gz", "movie_tweetings_titles.csv.gz", "movie_tweetings_LICENSE.txt"}
    assert sum(len(path.read_bytes()) for path in folder.iterdir()) < 200_000
    assert "Permission is hereby granted" in data.license
    assert data.license in data.DESCR
    assert f"{len(data.log):,} events of {data.log.user_id.nunique()} users" in data.DESCR


def test_every_film_has_a_title(data):
    assert set(data.log.item_id) == set(data.titles.item_id)
    assert data.titles.item_id.is_unique
    assert (data.titles.title.str.len() > 0).all()
    assert data.log.timestamp.is_monotonic_increasing
    assert not data.log.duplicated(["user_id", "item_id"]).any()
    assert any(item.startswith("0") for item in data.log.item_id)


def reciprocal_ranks(past, newer, scores_of):
    """Return the reciprocal ranks of a recommender that only counts, one event at a time, slow and obvious."""
    seen, last, values = defaultdict(set), {}, []
    popularity, follows = Counter(), defaultdict(Counter)
    n_past = len(past)
    for place, (user, item) in enumerate([*past, *newer]):
        if place >= n_past:
            scores = scores_of(popularity, follows[last.get(user)])
            candidates = [other for other in popularity if other not in seen[user]]
            is_candidate = item in popularity and item not in seen[user]
            higher = sum(scores[other] > scores[item] for other in candidates) if is_candidate else 0
            tied = sum(scores[other] == scores[item] for other in candidates) - 1 if is_candidate else 0
            values.append(1 / (1 + higher + tied / 2) if is_candidate else 0.0)
        popularity[item] += 1
        if user in last:
            follows[last[user]][item] += 1
        last[user] = item
        seen[user].add(item)
    return np.mean(values)


def test_a_model_is_clearly_ahead_of_counting(data):
    events = list(zip(data.log.user_id, data.log.item_id, strict=True))
    n_past = int(0.9 * len(events))
    recommender = AutoSeqRecRecommender(objective="closed_form", random_state=0, verbose=0).fit(data.log[:n_past])
    mrr = mean_reciprocal_rank(ranks_from_reciprocal(recommender.score_samples(data.log[n_past:])))
    popularity = reciprocal_ranks(events[:n_past], events[n_past:], lambda popularity, follows: popularity)
    next_item = reciprocal_ranks(
        events[:n_past],
        events[n_past:],
        lambda popularity, follows: {item: popularity[item] + 1e6 * follows[item] for item in popularity},
    )
    assert mrr > 1.5 * max(popularity, next_item)


def test_the_script_cuts_the_same_slice(tmp_path, data):
    folder = ROOT.parent / "shared" / "data"
    if not (folder / "movietweetings.csv.gz").exists():
        pytest.skip("the whole log is not beside this checkout")
    script = ROOT / "benchmarks" / "slice_movie_tweetings.py"
    whole = [str(folder / name) for name in ("movietweetings.csv.gz", "movietweetings-items.csv.gz")]
    subprocess.run([sys.executable, str(script), *whole, "--folder", str(tmp_path)], check=True, capture_output=True)
    shipped = files("skautoseqrec.datasets") / "data"
    for name in ("movie_tweetings.csv.gz", "movie_tweetings_titles.csv.gz"):
        assert decompress((tmp_path / name).read_bytes()) == decompress((shipped / name).read_bytes())
