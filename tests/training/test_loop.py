"""The loop: which weights a batch steps, and what an epoch yields."""

import copy
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import (
    CPU,
    NO_RATES,
    OBJECTIVES,
    RATES,
    SETTINGS,
    batch_of,
    counted,
    module_of,
    random_matrix,
)
from scipy import sparse

from skautoseqrec._network.module import HISTORY_ENCODERS, SHARED, AutoSeqRecModule
from skautoseqrec._network.residual_encoder import ResidualEncoder
from skautoseqrec._training.batches import Snapshots
from skautoseqrec._training.loop import train
from skautoseqrec._training.objectives import MultinomialObjective
from skautoseqrec._training.steps import AdamW, WeightAverage


def test_the_average_follows_the_steps_and_weighs_early_ones_less():
    module = module_of(MultinomialObjective())
    averaged = copy.deepcopy(module)
    following = WeightAverage(module.parts(), averaged.parts(), 0.7)
    expected = module.encoder_weight.detach().clone()
    for step, decay in enumerate((2 / 6, 3 / 7, 4 / 8, 5 / 9, 6 / 10, 7 / 11, 8 / 12, 9 / 13, 0.7, 0.7)):
        with torch.no_grad():
            module.encoder_weight += step
        following.follow("encoder")
        expected = decay * expected + (1 - decay) * module.encoder_weight
    torch.testing.assert_close(averaged.encoder_weight, expected)


def test_the_average_is_what_an_epoch_yields():
    module = module_of()
    rates = replace(RATES, weight_averaging=0.9)
    before = module.decoder("source").weight.detach().clone()
    epoch = next(train(module, OBJECTIVES[0], iter([[batch_of(random_matrix())]]), rates, CPU))
    trained, averaged = module.decoder("source").weight, epoch.module.decoder("source").weight
    torch.testing.assert_close(averaged, before * 2 / 6 + trained * 4 / 6)


def test_weight_decay_shrinks_matrices_without_gradient_and_no_biases():
    module = module_of()
    with torch.no_grad():
        module.encoder_bias += 1
    before, bias_before = module.encoder_weight.detach().clone(), module.encoder_bias.detach().clone()
    rates = replace(RATES, weight_decay=50.0)
    rows = sparse.csr_matrix((1, 6), dtype=np.float32)
    next(train(module, OBJECTIVES[0], iter([[batch_of(rows)]]), rates, CPU))
    torch.testing.assert_close(module.encoder_weight.detach(), before * (1 - 0.01 * 50.0))
    # Adam's first step is the learning rate; the decay would have halved it.
    torch.testing.assert_close(module.encoder_bias.detach(), bias_before, atol=0.0101, rtol=0)


def test_steps_are_those_of_adam_w_and_a_weight_without_gradient_rests():
    generator = torch.Generator().manual_seed(0)
    mine, other = ([torch.nn.Parameter(torch.ones(shape)) for shape in ((3, 2), (3,), (2, 2))] for _ in range(2))
    rates = replace(RATES, learning_rate=dict.fromkeys(RATES.learning_rate, 0.1), weight_decay=0.3)
    optimizer = AdamW(mine, "encoder", rates)
    groups = [
        {"params": [each for each in other if (each.ndim > 1) == is_matrix], "weight_decay": 0.3 * is_matrix}
        for is_matrix in (True, False)
    ]
    expected = torch.optim.AdamW(groups, lr=0.1)
    for step in range(5):
        for place, (weight, twin) in enumerate(zip(mine, other, strict=True)):
            if (step + place) % 3:
                weight.grad = torch.randn(weight.shape, generator=generator)
            twin.grad = weight.grad
        optimizer.step()
        expected.step()
        for weight, twin in zip(mine, other, strict=True):
            torch.testing.assert_close(weight, twin)
            assert weight.grad is None


@pytest.mark.parametrize("history_encoder", [SHARED, *HISTORY_ENCODERS])
def test_neither_a_fit_nor_a_loaded_model_imports_the_compiler(history_encoder, tmp_path):
    code = f"""
import sys
from skautoseqrec import AutoSeqRecRecommender, load_model
parameters = {{"n_components": 2, "max_iter": 1, "early_stopping": False, "blend": {{"collaborative": 1.0}}}}
recommender = AutoSeqRecRecommender(history_encoder={history_encoder!r}, device="cpu", **parameters)
recommender.fit([(1, 2), (1, 3)]).save_model({str(tmp_path / "model")!r})
load_model({str(tmp_path / "model")!r}).predict_topk([1], k=1)
assert "torch" in sys.modules and "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_batch_of_sequences_steps_the_history_encoder():
    torch.manual_seed(0)
    module = AutoSeqRecModule(6, 5, "relu", ResidualEncoder(5, 0.0))
    OBJECTIVES[1].initialise(module)
    snapshots = Snapshots(counted([("ann", item) for item in "abcdef"]), SETTINGS, 60)
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    batch = snapshots.batch(snapshots.events, snapshots.target_rates(snapshots.events))
    next(train(module, OBJECTIVES[1], iter([[batch]]), RATES, CPU))
    kept = {name for name, weight in module.state_dict().items() if torch.equal(weight, before[name])}
    others = (f"decoders.{decoder}.{kind}" for decoder in ("source", "target") for kind in ("weight", "bias"))
    assert kept == {"encoder_bias", *others}


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_a_batch_steps_the_encoder_and_its_own_decoder_only(objective):
    module = module_of(objective)
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    next(train(module, objective, iter([[batch_of(random_matrix())]]), RATES, CPU))
    changed = {name for name, weight in module.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed == {"encoder_weight", "encoder_bias", "decoders.source.weight", "decoders.source.bias"}


@settings(max_examples=10)
@given(st.integers(1, 20))
def test_losses_are_means_over_rows_whatever_the_batches(size):
    matrix = random_matrix()
    batches = [batch_of(matrix, rows=np.arange(start, min(start + size, 9))) for start in range(0, 9, size)]
    module = module_of()
    (losses,) = train(module, OBJECTIVES[0], iter([batches]), NO_RATES, CPU)
    (expected,) = train(module, OBJECTIVES[0], iter([[batch_of(matrix)]]), NO_RATES, CPU)
    assert losses.losses == {"source": pytest.approx(expected.losses["source"], rel=1e-5)}
