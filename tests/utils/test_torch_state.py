"""What a caller has switched in torch changes nothing here, and a forked child answers."""

import copy
import multiprocessing
import pickle
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from worlds import LEARNING

from skautoseqrec import AutoSeqRecRecommender, load_model
from skautoseqrec.datasets import make_interactions

LOG = make_interactions(60, 40, 800, random_state=0)
NEW = [(7, 3, 10_000), (999, 4, 10_001), (999, 77, 10_002)]


@contextmanager
def gradients_off():
    torch.set_grad_enabled(False)
    try:
        yield
    finally:
        torch.set_grad_enabled(True)


@contextmanager
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


SURROUNDINGS = {
    "gradients off": gradients_off,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "float64": float64_by_default,
    "another device": lambda: torch.device("meta"),
}


def everything_of(parameters, folder):
    """Return all that can be fitted and asked, as numbers."""
    recommender = AutoSeqRecRecommender(**parameters).fit(LOG)
    answers = [recommender.predict_topk(recommender.user_ids_, k=5, return_scores=True)[1]]
    recommender.partial_update(NEW)
    recommender.save_model(folder / "model")
    recommender = pickle.loads(pickle.dumps(copy.deepcopy(recommender)))
    for kept in (recommender, load_model(folder / "model"), recommender.refresh()):
        answers.append(kept.predict_topk([7, 999, -1], k=5, return_scores=True)[1])
    answers.append(recommender.explain([7], recommender.item_ids_[:3]).scores)
    answers.append(recommender.predict_topk_sequences([[3, 4]], k=3, return_scores=True)[1])
    answers.append(recommender.similar_items([3], k=4, return_scores=True)[1])
    answers.append(recommender.score_samples([(7, 5, 10_003), (8, 6, 10_004)]))
    answers.append(recommender.forget(users=[999]).predict_topk([7], k=5, return_scores=True)[1])
    recommender.partial_update(NEW)
    answers.append(recommender.predict_topk([7], k=5, return_scores=True)[1])
    return answers


@pytest.fixture(scope="module", params=["shared", "residual", "sampled", "closed_form"])
def usual(request, tmp_path_factory):
    own = {
        "shared": {"history_encoder": "shared"},
        "residual": {"history_encoder": "residual"},
        "sampled": {"n_negatives": 8},
        "closed_form": {"objective": "closed_form"},
    }[request.param]
    parameters = LEARNING | {"max_iter": 2, "precision": "float32"} | own
    return parameters, everything_of(parameters, tmp_path_factory.mktemp("usual"))


@pytest.mark.filterwarnings("ignore:.*hold fewer than 50 usable events:UserWarning")
@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_what_the_caller_has_switched_changes_nothing(usual, surroundings, tmp_path):
    parameters, expected = usual
    with SURROUNDINGS[surroundings]():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_device()
        actual = everything_of(parameters, tmp_path)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_device()) == before
    for some, others in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(some, others)


def answer(recommender, queue):
    queue.put(recommender.predict_topk([7], k=3).tolist())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing is forked here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_answers():
    context, n_threads = multiprocessing.get_context("fork"), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        recommender = AutoSeqRecRecommender(**LEARNING | {"n_components": 64, "max_iter": 1}).fit(LOG)
        expected = recommender.predict_topk(np.arange(60), k=3)[7:8].tolist()
        queue = context.Queue()
        child = context.Process(target=answer, args=(recommender, queue))
        child.start()
        try:
            assert queue.get(timeout=60) == expected
        finally:
            child.kill()
            child.join()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)
