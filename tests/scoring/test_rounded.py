"""Candidates from rounded products: the bound holds, and answers are those of float32 on every path."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import consecutive_logs, gated, gates, recommenders
from worlds import CYCLE_PARAMS, cycle

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec._network.vectors import ItemVectors, QueryVectors
from skautoseqrec._scoring import rounded, topk
from skautoseqrec._scoring.rounded import RoundedItems, paired_products
from skautoseqrec._state import changes
from skautoseqrec._utils import devices
from skautoseqrec._utils.devices import CPU, rounds_answers
from skautoseqrec.ensemble import HybridRecommender

pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat everything
#: Whether too many items may be candidates: never, or always.
PATHS = {"candidates": 0, "all items after all": 10**9}


def round_everything(patch, most_candidates=0):
    """Have all batches answered from rounded products, whatever the size and the processor."""
    patch.setattr(devices, "multiplies_bfloat16", lambda: True)
    for name in ("FEWEST_ITEMS", "ITEMS_PER_PLACE", "LEAST_WIDTH"):
        patch.setattr(rounded, name, 0)
    patch.setattr(rounded, "MOST_CANDIDATES", most_candidates)


@pytest.fixture(params=PATHS)
def outcomes(request):
    """Have batches answered from rounded products; note the candidates of each, None where all items were some."""
    found = []

    def noting(scorer, view, leave_out_of, k):
        candidates = find_candidates(scorer, view, leave_out_of, k)
        # All items stand there once for all rows, and cannot be written to.
        found.append(candidates if candidates.items.flags.writeable else None)
        return candidates

    find_candidates = rounded.find_candidates
    with pytest.MonkeyPatch.context() as patch:
        round_everything(patch, PATHS[request.param])
        patch.setattr(topk, "find_candidates", noting)
        yield found
    assert found
    assert (None in found) == (request.param != "candidates")


def best(recommender, precision, users, **options):
    """Return the ids and scores of a batch, what is masked as None and minus infinity."""
    ids, scores = recommender.set_params(precision=precision).predict_topk(users, return_scores=True, **options)
    return np.array(np.ma.asarray(ids).tolist(), dtype=object), np.ma.filled(scores, -np.inf)


def assert_same(ids, scores, expected_ids, expected, rtol):
    """Compare answers: ids may differ where another item has the same score but for rounding, and at the end."""
    np.testing.assert_allclose(scores, expected, rtol=rtol, atol=1e-5)
    is_tied = np.isclose(expected[:, :-1], expected[:, 1:], rtol=rtol, atol=1e-5)
    last = np.ones((len(ids), 1), dtype=bool)  # it may be tied with what comes after it
    assert not ((ids != expected_ids) & ~np.hstack([is_tied, last]) & ~np.hstack([~last, is_tied])).any()


@given(*(st.integers(1, 40) for _ in range(3)), st.floats(-30, 15), st.floats(-30, 15), st.integers(0, 2**31))
def test_no_rounded_product_is_off_by_more_than_the_bound(n_rows, n_items, width, of_queries, of_vectors, seed):
    draws = np.random.default_rng(seed)
    queries, vectors = (
        torch.from_numpy((draws.standard_normal((n, width)) * 10**exponent).astype(np.float32))
        for n, exponent in ((n_rows, of_queries), (n_items, of_vectors))
    )
    items, rounded_queries = RoundedItems.of(vectors), queries.bfloat16()
    exact = queries.double() @ vectors.double().T
    off = (torch.mm(rounded_queries, items.vectors.T).double() - exact).abs().amax(1)
    assert (off <= items.bounds(queries, rounded_queries).double()).all()


def test_the_bound_is_no_wider_than_rounding_is():
    vectors = torch.ones(3, 4)  # which bfloat16 holds exactly, and their products
    items = RoundedItems.of(vectors)
    assert items.error == 0.0
    assert items.norm == pytest.approx(2.0)
    assert items.bounds(vectors, vectors.bfloat16()).tolist() == pytest.approx([4 / 256] * 3, rel=1e-3)


def test_products_of_pairs():
    draws = np.random.default_rng(0)
    queries, wide = draws.standard_normal((5, 3)).astype("f4"), draws.standard_normal((7, 9)).astype("f4")
    vectors = wide[:, 3:6]  # columns of a wider matrix, as those of a blend are
    rows, places = draws.integers(0, 5, 600), draws.integers(0, 7, 600)
    expected = (queries @ vectors.T)[rows, places]
    np.testing.assert_allclose(paired_products(queries, vectors, rows, places), expected, rtol=1e-5, atol=1e-6)


@settings(max_examples=60)
@given(
    consecutive_logs(n_parts=2),
    recommenders(objective="multinomial"),
    gates(),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([*PATHS.values()]),
    st.data(),
)
def test_answers_are_those_of_float32(parts, recommender, gate, k, exclude_seen, most_candidates, data):
    gated(recommender.fit(parts[0]), gate).partial_update(parts[1])
    known, items = recommender.user_ids_.tolist(), recommender.item_ids_.tolist()
    users = [*known, "nobody" if isinstance(known[0], str) else 10**6]
    options = {"k": k, "exclude_seen": exclude_seen}
    options |= data.draw(st.sampled_from([{}, {"exclude": items[:2]}, {"candidates": items[1:4]}]))
    with pytest.MonkeyPatch.context() as patch:
        round_everything(patch, most_candidates)
        ids, scores = best(recommender, "auto", users, **options)
    expected_ids, expected = best(recommender, "float32", users, **options)
    assert_same(ids, scores, expected_ids, expected, rtol=1e-4)


def test_the_best_is_found_though_it_was_rounded_down_and_another_up(monkeypatch):
    round_everything(monkeypatch)
    unit, little = 2.0**-8, 2.0**-20
    query = torch.tensor([[1 + unit + little, 1 + unit - little, 2.0**-4]])
    vectors = torch.tensor([[0, 1 + unit - little, 2.0**-4], [1 + unit + little, 0, 2.0**-4 - 2.0**-11]])
    nothing = torch.zeros(2, 3)
    view = SimpleNamespace(
        n_items=2,
        is_cold=np.array([False]),
        all_vectors=ItemVectors((nothing, torch.cat([vectors, nothing], 1)), {}),
        queries=SimpleNamespace(vectors=QueryVectors(nothing[:1], query, nothing[:1])),
    )
    scorer = SimpleNamespace(
        blend={"one_hop": 0.0, "collaborative": 1.0, "two_hop": 0.0},
        keep=lambda name, of, make: make(),
        completed=lambda neural, view: neural,
    )
    found = rounded.find_candidates(scorer, view, lambda scores: None, 1)
    assert found.items.tolist() == [[0, 1]]  # rounded, the second is ahead by more than one bound
    assert found.scores[0, 0] > found.scores[0, 1]


def nearly_alike():
    """Return a recommender whose items differ by less than bfloat16 can tell."""
    blend = {"collaborative": 1.0}
    recommender = AutoSeqRecRecommender(**CYCLE_PARAMS | {"blend": blend, "max_iter": 1}).fit(cycle())
    known = recommender._serving.state.snapshot.base.item_vectors
    with torch.no_grad():
        vectors = known.columns(("collaborative",))
        vectors[:] = 1.0 + 4e-3 * torch.randn(vectors.shape, generator=torch.Generator().manual_seed(1))
        known.biases["collaborative"].zero_()
    return recommender


def test_what_rounding_makes_alike_is_told_apart(outcomes):
    recommender = nearly_alike()
    users = recommender.user_ids_
    expected_ids, expected = best(recommender, "float32", users, k=8)
    assert (np.ptp(expected, 1) < 0.01 * expected.max(1)).all()
    assert_same(*best(recommender, "auto", users, k=8), expected_ids, expected, rtol=1e-6)


def test_few_eligible_items_are_padded(outcomes):
    recommender = nearly_alike()
    users, items = recommender.user_ids_[:3], recommender.item_ids_
    ids, scores = best(recommender, "auto", users, k=3, candidates=[items[:1].tolist(), [], items[:3].tolist()])
    assert ids[0].tolist() == [items[0], None, None]
    assert ids[1].tolist() == [None] * 3
    assert sorted(ids[2]) == sorted(items[:3].tolist())
    assert np.isneginf(scores).sum(1).tolist() == [2, 3, 0]
    if outcomes[-1] is not None:  # nothing that was left out is a candidate
        assert outcomes[-1].items.shape[1] == 3


def test_rounded_vectors_follow_updates(outcomes, monkeypatch):
    monkeypatch.setattr(changes, "MOST_CORRECTED", 0)  # vectors are written anew
    monkeypatch.setattr(changes, "CORRECTED_SHARE", 10**9)
    twin = nearly_alike().with_blend({"two_hop": 1.0, "direct": 0.1})
    users, items = twin.user_ids_, twin.item_ids_.tolist()
    draws = np.random.default_rng(1)
    for time in range(3):
        events = [(user, items[draws.integers(len(items))], 10**6 + time) for user in users.tolist()]
        twin.partial_update([*events, (users[0], items[0], 10**6 + time)])
        _, scores = best(twin, "auto", users, k=3)
        _, expected = best(twin, "float32", users, k=3)
        np.testing.assert_allclose(scores, expected, rtol=1e-5)


#: What makes a question one of float32, whatever its size would allow: parameters, and constants as they are.
IN_FLOAT32 = {
    "nothing to multiply": ({"blend": {"direct": 1.0}}, {}),
    "heads that are no product": (PAPER_PARAMS | {"max_iter": 1}, {}),
    "as it is asked for": ({"precision": "float32"}, {}),
    "few items": ({}, {"FEWEST_ITEMS": 13}),
    "few items for each place": ({}, {"ITEMS_PER_PLACE": 7}),
    "short vectors": ({}, {"LEAST_WIDTH": 33}),
}


@pytest.mark.parametrize("reason", IN_FLOAT32)
def test_some_questions_are_answered_in_float32(reason, monkeypatch):
    parameters, constants = IN_FLOAT32[reason]
    round_everything(monkeypatch)
    defaults = CYCLE_PARAMS | {"blend": {"collaborative": 1.0}, "max_iter": 1}
    recommender = AutoSeqRecRecommender(**defaults | parameters).fit(cycle())
    asked = []
    monkeypatch.setattr(topk, "find_candidates", lambda *question: asked.append(question) or 1 / 0)
    for name, value in constants.items():
        monkeypatch.setattr(rounded, name, value)
    recommender.predict_topk(recommender.user_ids_, k=2)
    assert not asked
    monkeypatch.setattr(topk, "is_single", lambda *question: False)  # a single row, whatever scores it
    recommender.predict_topk(recommender.user_ids_[:1], k=2)
    if constants:  # a little less, and it is rounded
        (name, value), *_ = constants.items()
        monkeypatch.setattr(rounded, name, value - 1)
        with pytest.raises(ZeroDivisionError):
            recommender.predict_topk(recommender.user_ids_, k=2)


def test_a_part_from_outside_is_asked_once(outcomes):
    calls = []

    def part(histories, item_ids):
        calls.append(len(histories))
        return np.tile(np.arange(len(item_ids), dtype=np.float32), (len(histories), 1))

    hybrid = HybridRecommender(nearly_alike(), part, weight=1.0).fit(cycle())
    calls.clear()
    answers = hybrid.predict_topk(hybrid.user_ids_, k=3, return_scores=True)
    assert calls == [len(hybrid.user_ids_)]
    hybrid.recommender_.set_params(precision="float32")
    expected = hybrid.predict_topk(hybrid.user_ids_, k=3, return_scores=True)
    assert_same(*answers, *expected, rtol=1e-5)


def test_the_best_item_of_each_user_is_that_of_float32(outcomes):
    recommender = nearly_alike().set_params(exclude_seen=True)
    users, items = recommender.user_ids_, recommender.item_ids_
    recommender.partial_update([(users[0], item, 10**6) for item in items.tolist()])  # has seen everything
    recommender.dislike([(users[1], items[0])])
    best_items = recommender.predict(cycle())
    np.testing.assert_array_equal(best_items, recommender.set_params(precision="float32").predict(cycle()))


def test_only_a_processor_that_multiplies_bfloat16_rounds_answers(monkeypatch):
    for is_native in (False, True):
        monkeypatch.setattr(devices, "multiplies_bfloat16", lambda is_native=is_native: is_native)
        assert rounds_answers("auto", CPU) is is_native
        assert rounds_answers("bfloat16", CPU) is is_native
        assert not rounds_answers("float32", CPU)
        assert not rounds_answers("auto", torch.device("cuda"))
