"""From a log and parameters to what an estimator is fitted with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from ._callbacks import Watch
from ._counts.counted_log import count_log, warn_of_repeats
from ._data.interactions import Columns
from ._fit_memory import fit_bytes
from ._learning import Epochs, Learner, Learnt
from ._network.model import Model
from ._progress import require_bar
from ._resolving import resolve_history_encoder, resolve_n_negatives, sequence_settings
from ._scoring.scorer import Scorer, Served
from ._state.state import State
from ._training.objectives import OBJECTIVES
from ._utils.memory import require_bytes
from ._warm_start import Trained


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

    def attributes(learnt: Learnt) -> dict[str, Any]:
        model = Model(learnt.module, objective, settings)
        return {
            "loss_curve_": learnt.loss_curve,
            "n_iter_": len(learnt.loss_curve),
            "validation_scores_": learnt.validation_scores,
            "_served": Served(State(*log, model), Scorer(model, learnt.blend, learnt.cold_blend)),
        }

    def watched(epochs: Epochs, learnt: Callable[[], Learnt | None]) -> Epochs:
        return watch.over(epochs, lambda: attributes(cast(Learnt, learnt())), lambda: learnt() is not None)

    return attributes(Learner(objective, settings, parameters, watched, start).learn(log))
