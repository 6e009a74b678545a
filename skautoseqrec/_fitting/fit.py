"""From a log and parameters to what an estimator is fitted with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from .._counts.counted_log import count_log, log_per_moment, warn_of_repeats
from .._counts.counts import Counts
from .._counts.pairs import MOST_PLACES
from .._data.interactions import Columns
from .._fit_settings import FitSettings, resolve_ties
from .._network.module import HISTORY_ENCODERS
from .._scoring.parts import PARTS
from .._scoring.scorer import rows_per_block
from .._state.neighbours import is_cheaper_as_array
from .._training.batches import TARGETS_PER_ROW
from .._utils.memory import require_bytes
from .._utils.torch_state import in_usual_torch_state
from .blending import BLENDED_FEATURES
from .learner import BLENDED_EVENTS, Learner
from .linear_fit import MOST_ITEMS
from .reporting import Monitor, require_bar, verbosity
from .warm_start import WarmStart

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
#: The products of items, their factor and inverse in float64, and the weights of the validation and of the whole log;
#: counts of pairs as they are counted, kept and read.
BYTES_PER_LINEAR_WEIGHT, BYTES_PER_PAIR = 40, 32
#: The candidates that the blend is fitted on, one number per part of the score, and what fitting makes of them.
COPIES_OF_CHOICES = 3


@in_usual_torch_state
def fit_log(
    columns: Columns, X: Any, settings: FitSettings, monitor: Monitor, warm_start: WarmStart | None = None
) -> dict[str, Any]:
    """Return the attributes of an estimator that is fitted on a log.

    Parameters
    ----------
    columns : Columns
        The log, validated.
    X : object
        What it was read from.
    settings : FitSettings
        The estimator's parameters.
    monitor : Monitor
        Is told of every training and epoch.
    warm_start : WarmStart or None, default=None
        Weights to go on from; None starts anew.

    Raises
    ------
    ValueError
        If the published model is asked for what it has not, a history encoder reads items in an order that they have
        not, or the earlier weights have another shape.
    TypeError
        If the earlier weights belong to ids of another kind.
    ImportError
        If a bar is wanted and tqdm is not installed.
    MemoryError
        If the fit would take more memory than is available.
    """
    require_bar(settings.verbose)
    if settings.ties == "auto":
        settings = replace(settings, ties=resolve_ties(log_per_moment(columns), columns.times))
    log = count_log(columns, X, settings.sequence, verbosity(settings.verbose))
    trained_encoder = None if warm_start is None else warm_start.module.history_encoder
    settings = settings.for_log(log.counts, trained_encoder)
    if warm_start is not None:
        warm_start.check(settings, log.item_vocabulary.ids())
    if settings.exclude_seen:
        warn_of_repeats(log.counts)
    advice = "Lower n_components or batch_size, or fit fewer items."
    require_bytes(fit_bytes(log.counts, settings), "This fit", advice)
    return Learner(settings, warm_start).learn(log, monitor).attributes()


def fit_bytes(counts: Counts, settings: FitSettings) -> int:
    """Return about how many bytes a fit of a counted log takes, beside those that the log itself takes already.

    Parameters
    ----------
    counts : Counts
        The log.
    settings : FitSettings
        Those of the fit, resolved for the log.
    """
    n_items, n_events = counts.n_items, len(counts.history)
    n_candidates = n_items
    if settings.n_negatives is not None:
        n_candidates = min(n_items, cast(int, settings.n_negatives) + TARGETS_PER_ROW * settings.batch_size)
    n_terms = sum(part.n_weights(settings.sequence) for part in PARTS)
    n_choices = min(BLENDED_FEATURES, BLENDED_EVENTS * n_items * n_terms)
    n_weights = n_items * settings.n_components
    encoder = HISTORY_ENCODERS.get(settings.history_encoder)
    per_history = 0 if encoder is None else encoder.floats_per_history(settings.n_components)
    return (
        FLOAT * (COPIES_OF_WEIGHTS * MATRICES_OF_WEIGHTS + MATRICES_OF_STATE) * n_weights
        + FLOAT * BLOCKS_OF_SCORES * rows_per_block(n_items) * n_items
        + FLOAT * COPIES_OF_LOGITS * settings.batch_size * n_candidates
        + FLOAT * settings.batch_size * per_history
        + FLOAT * COPIES_OF_CHOICES * n_choices
        + BYTES_PER_TRANSITION * counts.transitions.nnz
        + (FLOAT * n_items**2 if is_cheaper_as_array(counts.transitions.nnz, n_items) else 0)
        + BYTES_PER_EVENT * n_events
        + closed_form_bytes(counts, settings)
    )


def closed_form_bytes(counts: Counts, settings: FitSettings) -> int:
    """Return about how many bytes counts of pairs and the linear autoencoder take, while they are formed."""
    n_linear = 0 if settings.linear_penalty is None else min(counts.n_items, MOST_ITEMS)
    n_places = counts.n_items**2
    if n_places > MOST_PLACES:
        n_places = min(n_places, 2 * settings.neighbour_window * len(counts.history))
    n_pairs = n_places if settings.neighbour_window else 0
    per_pair = BYTES_PER_PAIR if counts.weights is None else 2 * BYTES_PER_PAIR  # 64 bits instead of 32
    return BYTES_PER_LINEAR_WEIGHT * n_linear**2 + per_pair * n_pairs
