"""Every history encoder says the same in training and in answers, and stands in every place that it must."""

from pathlib import Path

import numpy as np
import pytest
import torch

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.histories import Histories
from skautoseqrec._network.history_encoder import HistoryEncoder
from skautoseqrec._network.inputs import ItemSequences, item_sequences
from skautoseqrec._network.module import HISTORY_ENCODERS, SHARED, make_history_encoder

GUIDE = Path(__file__).parents[2] / "docs" / "user_guide" / "fast_and_full.rst"


@pytest.fixture(params=HISTORY_ENCODERS)
def encoder(request):
    torch.manual_seed(0)
    return make_history_encoder(request.param, 6, 0.5).eval().requires_grad_(False)


def test_every_encoder_that_is_written_is_in_the_table():
    written = {encoder for encoder in HistoryEncoder.__subclasses__() if encoder.__module__.startswith("skautoseqrec.")}
    assert written == set(HISTORY_ENCODERS.values())  # the studies write others
    assert SHARED not in HISTORY_ENCODERS
    assert make_history_encoder(SHARED, 6, 0.5) is None


def test_the_two_forms_say_the_same(encoder):
    rng = np.random.default_rng(0)
    lengths = np.array([1, 5, encoder.LENGTH, encoder.LENGTH + 7])
    histories = Histories.of_lengths(rng.integers(9, size=lengths.sum()), lengths)
    weight = torch.randn(9, 6)
    trained = encoder(item_sequences(histories, encoder.LENGTH), weight)
    torch.testing.assert_close(encoder.reader(weight).encode(histories), trained, rtol=1e-4, atol=1e-5)


def test_items_without_weights_and_empty_histories_count_for_nothing(encoder):
    histories = Histories.of_lengths(np.array([0, 9, 1, 0, 1]), np.array([3, 2, 0]))
    read = encoder.reader(torch.randn(9, 6)).encode(histories)
    assert read.isfinite().all()
    assert not torch.equal(read[0], read[1])


@pytest.mark.parametrize("counts", [(1, 2, 0.5), (0, 1, 0), (0, 0, 0)])
def test_the_items_that_are_shown_are_enough(encoder, counts):
    values = torch.tensor(counts, dtype=torch.float32).expand(2, 3).contiguous()
    sequences, weight = ItemSequences(torch.tensor([[5, 5, 1], [2, 0, 3]]), values), torch.randn(9, 6)
    shown, narrowed = sequences.narrowed()
    torch.testing.assert_close(encoder(narrowed, weight[shown]), encoder(sequences, weight))


def test_memory_is_estimated(encoder):
    assert encoder.floats_per_history(7) > 0


@pytest.mark.parametrize("name", [SHARED, *HISTORY_ENCODERS])
def test_an_encoder_is_documented(name):
    assert f'"{name}"' in AutoSeqRecRecommender.__doc__
    assert f'"{name}"' in GUIDE.read_text(encoding="utf-8")
