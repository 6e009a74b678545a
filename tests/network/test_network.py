"""The network and what it is made of, against dense algebra."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import OBJECTIVES, RATES, batch_of, logits_of, module_of, random_matrix

from skautoseqrec._counts.histories import Histories
from skautoseqrec._network.functions import DecayedSum, SoftmaxCrossEntropy
from skautoseqrec._network.inputs import gather_rows, item_sequences, sparse_rows, unit_rows
from skautoseqrec._network.linear import LinearWeights
from skautoseqrec._network.module import ACTIVATIONS, DECODERS
from skautoseqrec._network.vectors import product
from skautoseqrec._utils.ragged import SparseEntries


@given(st.integers(0, 100), st.lists(st.integers(0, 8), min_size=1))
def test_batches_of_sparse_rows_are_the_dense_rows(seed, chosen):
    matrix = random_matrix(seed=seed)
    rows = gather_rows(matrix, np.array(chosen))
    expected = torch.from_numpy(matrix.toarray()[chosen])
    torch.testing.assert_close(rows.to_dense(6), expected)
    weight = torch.randn(6, 5)
    torch.testing.assert_close(rows.project(weight), expected @ weight)
    norms = expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(unit_rows(rows).to_dense(6), torch.where(norms > 0, expected / norms, 0.0))


@given(st.integers(0, 100), st.lists(st.lists(st.integers(0, 5)), min_size=1))
def test_a_product_of_sparse_rows_has_the_gradient_of_the_dense_one(seed, rows):
    draws = torch.Generator().manual_seed(seed)
    items = [item for row in rows for item in row]  # equal ones of a row stand apart
    values = torch.rand(len(items), generator=draws)
    lengths = np.array([len(row) for row in rows])
    sparse = sparse_rows(np.array(items, dtype=np.int64), values.numpy(), lengths)
    weight = torch.rand(6, 5, generator=draws).requires_grad_()
    gradient = torch.rand(len(rows), 5, generator=draws)
    dense = sparse.to_dense(6)
    with torch.autocast("cpu", torch.bfloat16):  # sums of rows are not rounded
        product = sparse.project(weight)
    product.backward(gradient)
    torch.testing.assert_close(product.detach(), dense @ weight.detach())
    torch.testing.assert_close(weight.grad, dense.T @ gradient)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_the_network_is_its_formula(activation, decoder, objective):
    module, matrix = module_of(objective, activation).eval(), random_matrix()
    hidden = ACTIVATIONS[activation](torch.from_numpy(matrix.toarray()) @ module.encoder_weight + module.encoder_bias)
    expected = hidden @ module.decoder(decoder).weight.T + module.decoder(decoder).bias
    torch.testing.assert_close(logits_of(objective, module, batch_of(matrix, decoder), RATES.dropout), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_arrays_are_encoded_as_tensors_are(activation, objective):
    module, heads = module_of(objective, activation).eval().requires_grad_(False), objective.HEADS()
    projections, norms = 3 * torch.randn(4, len(module.encoder_bias)), torch.tensor([4.0, 1.0, 0.5, 0.0])
    projections[3] = 0.0
    expected = heads.reach(module, projections, norms).numpy()
    np.testing.assert_allclose(
        heads.reach_array(module, projections.numpy().copy(), norms.numpy()), expected, rtol=1e-5
    )
    encoded = module.activate_array(projections.numpy().copy())
    np.testing.assert_allclose(encoded, module.activate(projections).numpy(), rtol=1e-5)


@pytest.mark.parametrize("codes", [[0, 1, 2], [0, 2, 5]])
@pytest.mark.parametrize("items", [[0, 2, 2], [6, 0, 3], [3, 6], []])
def test_one_row_meets_the_linear_weights_as_many_do(codes, items):
    linear = LinearWeights(np.array(codes), torch.randn(3, 3))
    items, values = np.array(items, dtype=np.int64), np.arange(1, len(items) + 1, dtype=np.float32)
    scores = np.ones(7, dtype=np.float32)
    linear.add_product(scores, items, values)
    expected = np.ones(7, dtype=np.float32)
    expected[codes] += linear.project(SparseEntries(np.array([len(items)]), items, values))[0].numpy()
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_sequences_are_projected_with_a_decay_per_dimension():
    weight, decays = torch.randn(6, 5), torch.rand(5)
    sequences = item_sequences(Histories.of_lengths(np.array([3, 1, 4, 5, 1]), np.array([2, 3, 0])), 60)
    second = weight[1] + decays * weight[5] + decays**2 * weight[4]
    expected = torch.stack([weight[1] + decays * weight[3], second, torch.zeros(5)])
    torch.testing.assert_close(DecayedSum.apply(weight, decays, sequences.items, sequences.values), expected)


@pytest.mark.parametrize("scale", [1.0, 200.0])  # of 200, the least probabilities are 0
@pytest.mark.parametrize("n_items", [6, 3000])
def test_the_cross_entropy_has_the_gradient_of_its_dense_formula(n_items, scale):
    generator = torch.Generator().manual_seed(0)
    logits = scale * torch.randn(4, n_items, generator=generator)
    logits[:, 3] = -torch.inf  # what is denied
    logits.requires_grad_()
    rows, items, shares = (
        torch.tensor([0, 0, 1, 2, 3]),
        torch.tensor([5, 0, 2, 4, 4]),
        torch.tensor([0.3, 0.7, 1, 1, 1]),
    )
    dense = torch.zeros(4, n_items).index_put((rows, items), shares)
    log_probabilities = torch.log_softmax(logits, 1)
    expected = -2 * torch.where(dense > 0, dense * log_probabilities, 0.0).sum(1).mean()
    (gradient,) = torch.autograd.grad(expected, logits)
    # A copy, for the gradient overwrites what it is of.
    actual = 2 * SoftmaxCrossEntropy.apply(logits + 0, rows, items, shares)
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(torch.autograd.grad(actual, logits)[0], gradient)


@pytest.mark.parametrize("chunk", [1, 40, 10**6])
@pytest.mark.parametrize("length", [0, 1, 4])
def test_the_gradient_of_decayed_sums_is_that_of_differences(monkeypatch, chunk, length):
    monkeypatch.setattr(DecayedSum, "CHUNK", chunk)
    generator = torch.Generator().manual_seed(0)
    weight, decays = (torch.rand(size, generator=generator).double().requires_grad_() for size in ((7, 5), (5,)))
    items = torch.randint(7, (6, length), generator=generator)
    values = torch.rand(6, length, generator=generator).double()
    assert torch.autograd.gradcheck(lambda *inputs: DecayedSum.apply(*inputs, items, values), (weight, decays))


@pytest.mark.parametrize("n_queries", [1, 3])
def test_queries_are_multiplied_with_each_vector(monkeypatch, n_queries):
    queries, vectors = torch.randn(n_queries, 5), torch.randn(7, 5)
    together, mm = [], torch.mm
    monkeypatch.setattr(torch, "mm", lambda *matrices: together.append(1) or mm(*matrices))
    torch.testing.assert_close(product(queries, vectors), queries @ vectors.T)
    assert bool(together) == (n_queries > 1)  # torch is slow with a single one
