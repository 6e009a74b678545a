"""Training in bfloat16: where it may be, that nothing else is rounded, and that it learns."""

import threading

import numpy as np
import pytest
import torch
from worlds import CYCLE_PARAMS, cycle

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec._training.sampled_steps import RowSteps
from skautoseqrec._training.steps import WholeSteps
from skautoseqrec._utils import devices
from skautoseqrec._utils.devices import CPU, training_precision

LAST = cycle()[cycle()[:, 2] == 8]


@pytest.fixture(params=[False, True], ids=["emulated", "native"])
def is_native(request, monkeypatch):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: request.param)
    return request.param


def test_bfloat16_is_taken_where_it_is_native(is_native):
    assert training_precision("auto", CPU) == (torch.bfloat16 if is_native else torch.float32)
    assert training_precision("float32", CPU) == torch.float32
    if is_native:
        assert training_precision("bfloat16", CPU) == torch.bfloat16


def test_bfloat16_is_refused_where_it_would_be_emulated(monkeypatch):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: False)
    recommender = AutoSeqRecRecommender(**CYCLE_PARAMS, precision="bfloat16")
    with pytest.raises(ValueError, match=r"the cpu here does not multiply it natively.*take 'auto' or 'float32'"):
        recommender.fit(cycle())
    assert not hasattr(recommender, "blend_")


@pytest.mark.parametrize(("history_encoder", "n_negatives"), [("shared", None), ("residual", 12)])
def test_the_cycle_is_learnt_in_bfloat16_and_everything_kept_is_float32(monkeypatch, history_encoder, n_negatives):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: True)
    parameters = CYCLE_PARAMS | {"history_encoder": history_encoder, "n_negatives": n_negatives}
    rounded, exact = (
        AutoSeqRecRecommender(**parameters, precision=precision).fit(cycle()) for precision in ("bfloat16", "float32")
    )
    assert {weight.dtype for weight in rounded.module_.state_dict().values()} == {torch.float32}
    assert not torch.equal(rounded.module_.encoder_weight, exact.module_.encoder_weight)
    answers, scores = rounded.predict_topk(LAST[:, 0], k=1, return_scores=True)
    assert (answers[:, 0] == (LAST[:, 1] + 1) % 12).all()
    assert scores.dtype == np.float32


@pytest.mark.filterwarnings("ignore:.*hold fewer than 50 usable events:UserWarning")
@pytest.mark.parametrize("parameters", [PAPER_PARAMS | {"max_iter": 1}, {"objective": "closed_form"}])
def test_other_objectives_take_it_as_well(monkeypatch, parameters):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: True)
    AutoSeqRecRecommender(**parameters, precision="bfloat16").fit(cycle())


@pytest.mark.parametrize(("steps", "n_negatives"), [(WholeSteps, None), (RowSteps, 12)])
def test_other_threads_go_on_in_float32(monkeypatch, steps, n_negatives):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: True)
    take, seen = steps.take, set()

    def watched(self, batch):
        kinds = []

        def multiply():
            kinds.append((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)

        other = threading.Thread(target=multiply)
        other.start()
        other.join()
        multiply()
        seen.add(tuple(kinds))
        return take(self, batch)

    monkeypatch.setattr(steps, "take", watched)
    AutoSeqRecRecommender(**CYCLE_PARAMS | {"n_negatives": n_negatives}, precision="bfloat16").fit(cycle())
    assert seen == {(torch.float32, torch.bfloat16)}
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
