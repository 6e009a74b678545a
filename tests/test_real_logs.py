"""Accuracy and agreement on a real log, where the checkout has one beside it."""

from pathlib import Path

import numpy as np
import pytest
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
    recommender = AutoSeqRecRecommender(**PAPER_PARAMS, random_state=0, device="cpu").fit(train)
    scores = RankingScorer(("mrr", "recall@10"))(recommender, test)
    assert scores["mrr"] >= 0.064
    assert scores["recall@10"] >= 0.140


def test_walking_forward_equals_the_formula_on_a_real_log():
    train, test = temporal_train_test_split(real_log("garden.csv.gz"), test_size=0.1)
    recommender = AutoSeqRecRecommender(n_components=16, max_iter=3, device="cpu", random_state=0).fit(train)
    oracle = Oracle(recommender, np.asarray(train).tolist())
    bounds = oracle.walk_forward(np.asarray(test[:40]).tolist())
    values = recommender.score_samples(test[:40])
    assert (bounds[:, 0] <= values + 1e-12).all()
    assert (values - 1e-12 <= bounds[:, 1]).all()
