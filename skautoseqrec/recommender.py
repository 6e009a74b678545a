"""AutoSeqRecRecommender: parameters, documentation and wiring; no algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._answers import AnswersMixin
from ._evaluation import EvaluationMixin
from ._fitting import count_log, per_part, resolve_blend, train_module, warn_of_repeats
from ._interactions import read_columns
from ._module import ACTIVATIONS
from ._objective import OBJECTIVES
from ._queries import SequenceSettings
from ._scoring import Scorer
from ._sklearn import LogTags, validate_log
from ._state import State

__all__ = ["PAPER_PARAMS", "AutoSeqRecRecommender"]

#: The published model: ``AutoSeqRecRecommender(**PAPER_PARAMS)``, with the settings of the authors' code.
PAPER_PARAMS: dict[str, Any] = {
    "objective": "paper",
    "n_components": 256,
    "max_iter": 200,
    "batch_size": 64,
    "learning_rate": {"encoder": 1e-5, "collaborative": 1e-3, "source": 1e-2, "target": 1e-5},
    "dropout": {"encoder": 0.3, "collaborative": 0.0, "source": 0.2, "target": 0.2},
    "activation": "relu",
    "transition_window": 1,
    "history_decay": 1.0,
    "context_size": 1,
    "blend": {"collaborative": 0.6, "one_hop": 0.2, "two_hop": 0.2},
}

DECAY = Interval(Real, 0, 1, closed="right")
POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")


class AutoSeqRecRecommender(AnswersMixin, EvaluationMixin, LogTags, BaseEstimator):
    """Sequential recommender that learns while it serves.

    One encoder and three decoders reconstruct what each user met and which item follows which. New events change
    only those inputs, never the weights, so :meth:`partial_update` is exact and takes microseconds.

    Parameters
    ----------
    n_components : int, default=256
        Size of the hidden representation; at least 1.
    objective : {"paper"}, default="paper"
        What training minimises. "paper" is the published model: squared reconstruction error.
    max_iter : int, default=200
        Number of epochs; at least 1.
    batch_size : int, default=64
        Matrix rows in a training batch; at least 1.
    learning_rate : float or dict, default=1e-3
        Step size of Adam; above 0. A dict has the keys "encoder", "collaborative", "source" and "target".
    dropout : float or dict, default=0.3
        Share of values dropped in training after the linear map of each part; in [0, 1). A dict has the keys
        of ``learning_rate``.
    activation : {"identity", "logistic", "relu", "tanh"}, default="relu"
        Activation of the encoder.
    transition_window : int, default=5
        How many steps back an item still counts as followed; at least 1.
    transition_decay : float, default=0.7
        The k-th step back weighs ``transition_decay**(k - 1)``; in (0, 1].
    history_decay : float, default=0.9
        The k-th newest item of a history weighs ``history_decay**(k - 1)`` when a user is encoded, and nothing once
        that is under .002; in (0, 1]. With 1 the history is never cut.
    context_size : int, default=3
        How many of a user's last items the hops start from; at least 1.
    context_decay : float, default=0.5
        The k-th last of them weighs ``context_decay**(k - 1)``; in (0, 1].
    blend : dict or None, default=None
        Weight of each part of the score: "collaborative", "one_hop" and "two_hop", each at least 0 and not all 0.
        Parts that are left out weigh nothing. None takes the published weights .6, .2 and .2.
    exclude_seen : bool, default=True
        Whether items that a user has met are left out of answers and of evaluation.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where to train; "auto" takes cuda, then mps, then cpu. The fitted model is on the CPU, so it loads anywhere.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, of shuffling and of dropout. The global random states of numpy and torch
        are never touched.
    verbose : int, default=0
        From 1 on, print one line per epoch.

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the known users, in order of first appearance in time; updates append to it.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the known items, in order of first appearance in time; updates append to it.
    module_ : torch.nn.Module
        The trained network.
    blend_ : dict
        Weight of every part of the score; valid as ``blend``.
    loss_curve_ : list of dict
        Mean loss of each epoch, one per decoder.
    n_iter_ : int
        Number of epochs trained.
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    skautoseqrec.model_selection.TemporalSplit : Cross-validation in time, for searches over parameters.
    skautoseqrec.metrics.RankingScorer : Ranking metrics as scorers.

    Notes
    -----
    A user without history, or an unknown one, is answered with the most popular items. A user or an item is known
    from its first event on. One writer may call :meth:`partial_update`.

    References
    ----------
    Liu et al., "AutoSeqRec: Autoencoder for Efficient Sequential Recommendation", CIKM 2023, arXiv 2308.06878.

    Examples
    --------
    >>> from skautoseqrec import AutoSeqRecRecommender
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "milk", 4), ("cid", "jam", 5)]
    >>> recommender = AutoSeqRecRecommender(n_components=8, max_iter=5, random_state=0).fit(log)
    >>> recommender.predict_topk(["bob"], k=2).shape
    (1, 2)
    >>> recommender.partial_update([("bob", "honey", 6)]).item_ids_
    array(['tea', 'milk', 'jam', 'honey'], dtype=object)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "n_components": [POSITIVE_INTEGER],
        "objective": [StrOptions(set(OBJECTIVES))],
        "max_iter": [POSITIVE_INTEGER],
        "batch_size": [POSITIVE_INTEGER],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), dict],
        "dropout": [Interval(Real, 0, 1, closed="left"), dict],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "transition_window": [POSITIVE_INTEGER],
        "transition_decay": [DECAY],
        "history_decay": [DECAY],
        "context_size": [POSITIVE_INTEGER],
        "context_decay": [DECAY],
        "blend": [dict, None],
        "exclude_seen": ["boolean"],
        "device": [StrOptions({"auto", "cpu", "cuda", "mps"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_components: int = 256,
        *,
        objective: str = "paper",
        max_iter: int = 200,
        batch_size: int = 64,
        learning_rate: float | Mapping[str, float] = 1e-3,
        dropout: float | Mapping[str, float] = 0.3,
        activation: str = "relu",
        transition_window: int = 5,
        transition_decay: float = 0.7,
        history_decay: float = 0.9,
        context_size: int = 3,
        context_decay: float = 0.5,
        blend: Mapping[str, float] | None = None,
        exclude_seen: bool = True,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.objective = objective
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.dropout = dropout
        self.activation = activation
        self.transition_window = transition_window
        self.transition_decay = transition_decay
        self.history_decay = history_decay
        self.context_size = context_size
        self.context_decay = context_decay
        self.blend = blend
        self.exclude_seen = exclude_seen
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> AutoSeqRecRecommender:
        """Train on a log, forgetting what was known before.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples, Interactions or SequenceMatrices
            The log: user, item and optionally time, rows in any order. Without time, row order is time.
        y : None
            Ignored; there for the scikit-learn API.

        Returns
        -------
        self : AutoSeqRecRecommender
            The fitted recommender.

        Raises
        ------
        ValueError, TypeError
            If the log or a parameter is not usable; the message names the column and row, or the parameter.
        """
        objective = OBJECTIVES[self.objective]()
        blend = resolve_blend(objective.BLEND if self.blend is None else self.blend, objective.PARTS)
        rates = {
            "learning_rate": per_part(self.learning_rate, "learning_rate", upper=np.inf),
            "dropout": per_part(self.dropout, "dropout", upper=1),
        }
        settings = SequenceSettings(
            self.transition_window, self.transition_decay, self.history_decay, self.context_size, self.context_decay
        )
        log = count_log(validate_log(self, X, reset=True), X, settings, self.verbose)
        user_item = log.counts.user_item()
        if self.exclude_seen:
            warn_of_repeats(user_item)
        rows = objective.training_rows(user_item, log.counts.transitions)
        module, loss_curve = train_module(objective, rows, self.get_params(deep=False), rates)
        self.module_, self.loss_curve_, self.n_iter_, self.blend_ = module, loss_curve, len(loss_curve), blend
        self._scorer = Scorer(module, objective, blend, settings)
        self._state = State(*log, module, settings.step_weights)
        return self

    def partial_update(self, X: Any) -> AutoSeqRecRecommender:
        """Take in new events, exactly and without touching a weight.

        The events of one call are taken in time order. Events earlier than what is already known count as arriving
        now. New users and items are known from here on.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The new events.

        Returns
        -------
        self : AutoSeqRecRecommender
            The updated recommender.

        Raises
        ------
        ValueError, TypeError
            If the events are not usable; then nothing has changed.
        """
        check_is_fitted(self)
        self._state.update(read_columns(X))
        return self

    @property
    def user_ids_(self) -> NDArray[Any]:
        """Ids of the known users."""
        return self._state.users.ids(self._state.snapshot.n_users)

    @property
    def item_ids_(self) -> NDArray[Any]:
        """Ids of the known items."""
        return self._state.items.ids(self._state.snapshot.n_items)
