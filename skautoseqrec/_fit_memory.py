"""How much memory a fit takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._counts.counts import Counts
from ._learning import BLENDED_EVENTS, BLENDED_FEATURES
from ._network.inputs import LONGEST_SEQUENCE
from ._scoring.scorer import PARTS, rows_per_block
from ._training.batches import TARGETS_PER_ROW

#: Bytes of a float32.
FLOAT = 4
#: Copies of a matrix of weights while training validates: the weights, both moments of their gradients, the gradients
#: themselves, the moving average, and the best epoch beside the newest.
COPIES_OF_WEIGHTS = 8
#: Rows of d components per item: the encoder and three decoders, and what the state keeps (what leaves an item, what
#: leads to it, and three rows to score with), of the validation and of the whole log, and the encoder once more.
MATRICES_OF_WEIGHTS, MATRICES_OF_STATE = 4, 11
#: Blocks of scores that one block of events needs at a time: every part by itself, and what masks and sorts them.
BLOCKS_OF_SCORES = 14
#: Copies of the logits of a batch, and of the entries of T (index and value, as rows, columns and shares).
COPIES_OF_LOGITS, BYTES_PER_TRANSITION = 3, 72
#: Columns of eight bytes per event: ids, codes, times and histories, of the log and while it is sorted.
BYTES_PER_EVENT = 160
#: The candidates that the blend is fitted on, one number per part of the score, and what fitting makes of them.
COPIES_OF_CHOICES = 3


def fit_bytes(counts: Counts, parameters: Mapping[str, Any]) -> int:
    """Return about how many bytes a fit of a counted log takes, beside those that the log itself takes already.

    Parameters
    ----------
    counts : Counts
        The log.
    parameters : mapping
        The estimator's, ``n_negatives`` and ``history_encoder`` resolved.
    """
    n_items, n_events = counts.n_items, len(counts.history)
    n_candidates, batch_size = n_items, parameters["batch_size"]
    if parameters["n_negatives"] is not None:
        n_candidates = min(n_items, parameters["n_negatives"] + TARGETS_PER_ROW * batch_size)
    n_parts = len(PARTS) - 1 + len(parameters["trend_half_lives"])
    n_choices = min(BLENDED_FEATURES, BLENDED_EVENTS * n_items * n_parts)
    n_weights = n_items * parameters["n_components"]
    n_places = batch_size * LONGEST_SEQUENCE if parameters["history_encoder"] == "residual" else 0
    return (
        FLOAT * (COPIES_OF_WEIGHTS * MATRICES_OF_WEIGHTS + MATRICES_OF_STATE) * n_weights
        + FLOAT * BLOCKS_OF_SCORES * rows_per_block(n_items) * n_items
        + FLOAT * COPIES_OF_LOGITS * batch_size * n_candidates
        + FLOAT * n_places * parameters["n_components"]
        + FLOAT * COPIES_OF_CHOICES * n_choices
        + BYTES_PER_TRANSITION * counts.transitions.nnz
        + BYTES_PER_EVENT * n_events
    )
