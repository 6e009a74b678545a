"""From a log and parameters to what an estimator is fitted with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from .._counts.counted_log import count_log, warn_of_repeats
from .._counts.counts import Counts
from .._data.interactions import Columns
from .._network.model import Model
from .._network.module import HISTORY_ENCODERS
from .._parameters import resolve_history_encoder, resolve_n_negatives, sequence_settings
from .._scoring.blend import PARTS
from .._scoring.scorer import Scorer, Serving, rows_per_block
from .._state.state import State
from .._training.batches import TARGETS_PER_ROW
from .._training.objectives import OBJECTIVES
from .._utils.memory import require_bytes
from .learner import BLENDED_EVENTS, BLENDED_FEATURES, Epochs, Learner, Learnt
from .reporting import Watch, require_bar
from .warm_start import Trained

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


def fit_log(
    columns: Columns, X: Any, parameters: Mapping[str, Any], watch: Watch, earlier: Trained | None = None
) -> dict[str, Any]:
    """Return the attributes of an estimator that is fitted on a log.

    Parameters
    ----------
    columns : Columns
        The log, validated.
    X : object
        What it was read from.
    parameters : mapping
        The estimator's parameters, resolved.
    watch : Watch
        Is told of every epoch.
    earlier : Trained or None, default=None
        Weights to start from; None starts anew.

    Raises
    ------
    ValueError
        If the published model is asked for what it has not, or the earlier weights for another shape.
    ImportError
        If a bar is wanted and there is none.
    MemoryError
        If the fit would take more memory than is available.
    """
    require_bar(parameters["verbose"])
    objective, settings = OBJECTIVES[parameters["objective"]](), sequence_settings(parameters)
    log = count_log(columns, X, settings, parameters["verbose"])
    name = parameters["objective"]
    encoder = parameters["history_encoder"]
    if earlier is not None and encoder == "auto" and name != "paper":
        encoder = earlier.history_encoder
    parameters = {
        **parameters,
        "n_negatives": resolve_n_negatives(parameters["n_negatives"], name, log.counts.n_items),
        "history_encoder": resolve_history_encoder(encoder, name, log.counts),
    }
    if earlier is not None:
        earlier.require_same(parameters)
    start = None if earlier is None else earlier.start(log.items)
    if parameters["exclude_seen"]:
        warn_of_repeats(log.counts.user_item())
    advice = "Lower n_components or batch_size, or fit fewer items."
    require_bytes(fit_bytes(log.counts, parameters), "This fit", advice)

    heads = objective.HEADS()

    def attributes(learnt: Learnt) -> dict[str, Any]:
        model = Model(learnt.module, heads, settings)
        return {
            "loss_curve_": learnt.loss_curve,
            "n_iter_": len(learnt.loss_curve),
            "validation_scores_": learnt.validation_scores,
            "_serving": Serving(State(*log, model), Scorer(model, learnt.blend, learnt.cold_blend)),
        }

    def watched(epochs: Epochs, learnt: Callable[[], Learnt | None]) -> Epochs:
        return watch.over(epochs, lambda: attributes(cast(Learnt, learnt())), lambda: learnt() is not None)

    return attributes(Learner(objective, settings, parameters, watched, start).learn(log))


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
    encoder = HISTORY_ENCODERS.get(parameters["history_encoder"])
    n_places = 0 if encoder is None else batch_size * encoder.floats_per_history(parameters["n_components"])
    return (
        FLOAT * (COPIES_OF_WEIGHTS * MATRICES_OF_WEIGHTS + MATRICES_OF_STATE) * n_weights
        + FLOAT * BLOCKS_OF_SCORES * rows_per_block(n_items) * n_items
        + FLOAT * COPIES_OF_LOGITS * batch_size * n_candidates
        + FLOAT * n_places
        + FLOAT * COPIES_OF_CHOICES * n_choices
        + BYTES_PER_TRANSITION * counts.transitions.nnz
        + BYTES_PER_EVENT * n_events
    )
