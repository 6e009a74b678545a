"""Accuracy and agreement on a real log, where the checkout has one beside it."""

from pathlib import Path

import numpy as np
import pytest
from comparisons import assert_walks_as
from oracle import Oracle

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec.datasets import load_interactions
from skautoseqrec.metrics import RankingScorer
from skautoseqrec.model_selection import temporal_train_test_split

FOLDER = Path(__file__).parents[2] / "shared" / "data"


def real_log(name):
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the real log {name} is not beside this checkout")
    return load_interactions(path)


def test_leading_zeros_are_kept():
    log = real_log("movietweetings.csv.gz")
    assert all(isinstance(item, str) for item in log.item_ids)
    assert any(item.startswith("0") for item in log.item_ids)


def test_the_published_model_reaches_its_accuracy():
    train, test = temporal_train_test_split(real_log("ml-100k.csv.gz"), test_size=0.1)
    # Half of its epochs are enough: .0677 / .148, within a minute.
    recommender = AutoSeqRecRecommender(**PAPER_PARAMS | {"max_iter": 100}, random_state=0, device="cpu").fit(train)
    scores = RankingScorer(("mrr", "recall@10"))(recommender, test)
    assert scores["mrr"] >= 0.064
    assert scores["recall@10"] >= 0.140


def test_walking_forward_equals_the_formula_on_a_real_log():
    train, test = temporal_train_test_split(real_log("garden.csv.gz"), test_size=0.1)
    recommender = AutoSeqRecRecommender(n_components=16, max_iter=3, device="cpu", random_state=0).fit(train)
    oracle = Oracle(recommender, np.asarray(train).tolist())
    assert_walks_as(oracle, recommender, np.asarray(test[:40]).tolist())
