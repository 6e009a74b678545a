"""The network and its loop, against dense algebra."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skautoseqrec import PAPER_PARAMS
from skautoseqrec._counting import TRANSITION_UNIT
from skautoseqrec._module import ACTIVATIONS, DECODERS, AutoSeqRecModule
from skautoseqrec._objective import PaperObjective
from skautoseqrec._training import gather_rows, train

RATES = {"learning_rate": dict.fromkeys(("encoder", *DECODERS), 0.01), "dropout": PAPER_PARAMS["dropout"]}


def random_matrix(n_rows=9, n_items=6, seed=0):
    return sparse.random(n_rows, n_items, 0.4, random_state=seed, format="csr", dtype=np.float32)


def module_of(n_items=6, activation="relu"):
    torch.manual_seed(0)
    module = AutoSeqRecModule(n_items, 5, activation)
    PaperObjective().initialise(module)
    return module


def train_all(module, rows, max_iter=2, batch_size=4):
    options = {"batch_size": batch_size, "max_iter": max_iter, "device": torch.device("cpu")}
    return list(train(module, PaperObjective(), rows, **options, **RATES))


@given(st.integers(0, 100), st.lists(st.integers(0, 8), min_size=1))
def test_batches_of_sparse_rows_are_the_dense_rows(seed, chosen):
    matrix = random_matrix(seed=seed)
    rows = gather_rows(matrix, np.array(chosen))
    expected = torch.from_numpy(matrix.toarray()[chosen])
    torch.testing.assert_close(rows.to_dense(6), expected)
    weight = torch.randn(6, 5)
    torch.testing.assert_close(rows.project(weight), expected @ weight)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_the_network_is_its_formula(activation, decoder):
    module, matrix = module_of(activation=activation).eval(), random_matrix()
    x = torch.from_numpy(matrix.toarray())
    hidden = ACTIVATIONS[activation](x @ module.encoder_weight + module.encoder_bias)
    expected = hidden @ module.decoder(decoder).weight.T + module.decoder(decoder).bias
    torch.testing.assert_close(module(gather_rows(matrix, np.arange(9)), decoder, 0.3, 0.2), expected)


def test_dropout_comes_after_the_linear_maps():
    module, rows = module_of(), gather_rows(random_matrix(), np.arange(9))
    module.train()
    with torch.random.fork_rng():
        hidden_dropped = module(rows, "source", drop_hidden=0.99)
        output_dropped = module(rows, "source", drop_output=0.5)
    # What is left of a hidden row that was dropped whole is the bias, through the activation.
    assert (hidden_dropped == module.decoder("source").bias).all(1).any()
    assert (output_dropped == 0).any()
    kept = output_dropped != 0
    torch.testing.assert_close(output_dropped[kept], 2 * module(rows, "source")[kept])


def test_a_batch_steps_the_encoder_and_its_own_decoder_only():
    module = module_of()
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    train_all(module, {"source": random_matrix()})
    changed = {name for name, weight in module.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed == {"encoder_weight", "encoder_bias", "decoders.source.weight", "decoders.source.bias"}


def test_the_loss_is_the_mean_squared_error_of_every_row_once():
    module, matrix = module_of(), random_matrix()
    frozen = {
        "learning_rate": dict.fromkeys(RATES["learning_rate"], 0.0),
        "dropout": dict.fromkeys(RATES["dropout"], 0.0),
    }
    options = {"batch_size": 4, "max_iter": 1, "device": torch.device("cpu")}
    losses = next(train(module, PaperObjective(), {"collaborative": matrix}, **options, **frozen))
    output = torch.sigmoid(module(gather_rows(matrix, np.arange(9)), "collaborative"))
    expected = ((output - torch.from_numpy(matrix.toarray())) ** 2).mean()
    assert losses == {"collaborative": pytest.approx(expected.item(), rel=1e-5)}


def test_training_rows_are_the_counts_and_the_transitions_both_ways():
    user_item, transitions = random_matrix(4), random_matrix(6)
    rows = PaperObjective().training_rows(user_item, transitions * TRANSITION_UNIT)
    np.testing.assert_allclose(rows["collaborative"].toarray(), user_item.toarray())
    np.testing.assert_allclose(rows["source"].toarray(), transitions.toarray(), rtol=1e-6)
    np.testing.assert_allclose(rows["target"].toarray(), transitions.toarray().T, rtol=1e-6)


@settings(max_examples=10)
@given(st.integers(1, 20))
def test_every_batch_size_sees_every_row(batch_size):
    losses = train_all(module_of(), {"source": random_matrix(), "target": random_matrix(5)}, batch_size=batch_size)
    assert [list(loss) for loss in losses] == [["source", "target"]] * 2
    assert np.isfinite([list(loss.values()) for loss in losses]).all()
