"""The transformers: codes, matrices, and their use among those of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import in_time_order
from sklearn import config_context
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from strategies import logs

from skautoseqrec.preprocessing import (
    InteractionEncoder,
    ItemTransitionTransformer,
    SequenceMatrixTransformer,
    UserItemTransformer,
)

windows, decays = st.integers(1, 5), st.sampled_from([0.2, 0.7, 1.0])


@given(logs())
def test_codes_follow_the_first_appearance_in_time(log):
    encoder = InteractionEncoder().fit(log)
    in_time = in_time_order(log)
    assert encoder.user_ids_.tolist() == list(dict.fromkeys(row[0] for row in in_time))
    assert encoder.item_ids_.tolist() == list(dict.fromkeys(row[1] for row in in_time))


@given(logs(kind="str"), logs(kind="str", n_users=8, n_items=9))
def test_unknown_ids_are_appended_and_nothing_is_learnt_from_them(log, other):
    encoder = InteractionEncoder().fit(log)
    known = encoder.item_ids_.tolist()
    encoded = encoder.transform(other)
    assert encoded.item_ids.tolist()[: len(known)] == known
    assert encoded.item_ids[encoded.items].tolist() == [row[1] for row in other]
    assert encoder.item_ids_.tolist() == known


@given(logs(), windows, decays)
def test_plain_matrices_are_those_of_the_container(log, window, decay):
    parameters = {"transition_window": window, "transition_decay": decay}
    matrices = SequenceMatrixTransformer(**parameters).fit_transform(log)
    assert (UserItemTransformer().fit_transform(log) != matrices.user_item).nnz == 0
    assert (ItemTransitionTransformer(**parameters).fit_transform(log) != matrices.transitions).nnz == 0


def test_plain_matrices_have_the_columns_of_the_fitted_log():
    log, later = [("ann", "tea"), ("ann", "milk")], [("ann", "tea"), ("bob", "jam"), ("bob", "milk")]
    assert UserItemTransformer().fit(log).transform(later).toarray().tolist() == [[1, 0], [0, 1]]
    transitions = ItemTransitionTransformer(transition_window=1).fit(log).transform(later)
    assert transitions.toarray().tolist() == [[0, 0], [0, 0]]  # jam came before milk, and takes up the step


def test_a_slice_of_matrices_is_a_plain_log():
    matrices = SequenceMatrixTransformer().fit_transform([(1, 2), (1, 3)])
    assert type(matrices[:1]).__name__ == "Interactions"


def test_plain_matrices_work_with_sklearn_estimators():
    rng = np.random.default_rng(0)
    log = np.column_stack([rng.integers(20, size=300), rng.integers(15, size=300)])
    matrices = SequenceMatrixTransformer().fit_transform(log)
    pipe = make_pipeline(UserItemTransformer(), TruncatedSVD(3, algorithm="arpack", random_state=0))
    assert pipe.fit_transform(log).shape == (20, 3)
    singular_values = np.linalg.svd(matrices.user_item.toarray(), compute_uv=False)
    np.testing.assert_allclose(np.sort(pipe[-1].singular_values_), np.sort(singular_values[:3]))
    neighbours = make_pipeline(ItemTransitionTransformer(), NearestNeighbors(n_neighbors=2)).fit(log)[-1]
    rows = matrices.transitions.toarray()
    distances = np.linalg.norm(rows[:, None] - rows, axis=2) + np.diag(np.full(15, np.inf))
    np.testing.assert_allclose(neighbours.kneighbors()[0], np.sort(distances, axis=1)[:, :2])


@pytest.mark.parametrize(
    "transformer", [InteractionEncoder, SequenceMatrixTransformer, UserItemTransformer, ItemTransitionTransformer]
)
def test_transform_needs_fit(transformer):
    with pytest.raises(NotFittedError):
        transformer().transform([(1, 2)])


@pytest.mark.parametrize("transformer", [SequenceMatrixTransformer, ItemTransitionTransformer])
@pytest.mark.parametrize("parameters", [{"transition_window": 0}, {"transition_decay": 0.0}, {"transition_decay": 1.1}])
def test_parameters_out_of_range_are_refused(transformer, parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        transformer(**parameters).fit([(1, 2)])


@pytest.mark.parametrize(
    "transformer",
    [InteractionEncoder(), SequenceMatrixTransformer(), UserItemTransformer(), ItemTransitionTransformer()],
    ids=lambda transformer: type(transformer).__name__,
)
def test_no_output_is_turned_into_a_frame(transformer):
    log = [("ann", "tea", 1), ("bob", "milk", 2), ("ann", "milk", 3)]
    plain = transformer.fit_transform(log)
    with config_context(transform_output="pandas"):
        assert type(transformer.fit_transform(log)) is type(plain)
    with pytest.raises(ValueError, match=f"{type(transformer).__name__}.*set_output.* is not available"):
        make_pipeline(transformer, TruncatedSVD()).set_output(transform="pandas")
