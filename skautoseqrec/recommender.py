"""AutoSeqRecRecommender on one page: parameters, documentation, and methods that delegate.

A method imports what it delegates to: torch is loaded when something is fitted or loaded, not with the package.
"""

from __future__ import annotations

import copy
import copyreg
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils.metaestimators import available_if

from ._data.estimators import (
    LogEstimator,
    MeanReciprocalRankMixin,
    all_or_nothing,
    require_fitted,
    validate_log,
    validate_users,
    weighs_kinds,
)
from ._data.form import LogForm
from ._data.interactions import weighed
from ._data.naming import PAIR, check_columns
from ._data.reading import read_columns
from ._data.weights import check_event_weights
from ._fitting.reporting import CallbackSupportMixin, Monitor, verbosity, with_callbacks
from ._parameters import PAPER_PARAMS, PARAMETER_CONSTRAINTS
from ._utils.arguments import check_flag, check_ties, only
from ._utils.warn import warn_caller

if TYPE_CHECKING:
    from ._network.module import AutoSeqRecModule
    from ._scoring.scorer import Serving

__all__ = ["PAPER_PARAMS", "AutoSeqRecRecommender", "load_model"]


def _has_linear_heads(estimator: Any) -> bool:
    from ._network.heads import HEADS

    return bool(HEADS[estimator.objective].ARE_LINEAR)


class AutoSeqRecRecommender(MeanReciprocalRankMixin, LogEstimator, CallbackSupportMixin, BaseEstimator):
    """Sequential recommender that learns while it serves.

    One encoder and three decoders (AutoSeqRec) predict each user's next items from a log of events.
    :meth:`partial_update` adds new events exactly, without changing a weight, and takes microseconds.

    Read more in the :ref:`user guide <user_guide>`.

    Parameters
    ----------
    n_components : int, default=256
        Size of the hidden representation; at least 1. Without meaning for "closed_form".
    objective : {"multinomial", "closed_form", "paper"}, default="multinomial"
        What training minimises. "multinomial" is the cross-entropy of the next item. "closed_form" trains no network:
        it counts, solves the linear part and fits the blend, in seconds. "paper" is the published model, the squared
        error of reconstructed rows (section 3.2); ``PAPER_PARAMS`` holds its other settings.
    max_iter : int, default=100
        Number of epochs, or the maximum with ``early_stopping``; at least 1.
    batch_size : int, default=256
        Rows in a training batch; at least 1.
    learning_rate : float, dict or "auto", default="auto"
        Learning rate of AdamW; above 0. A dict has the keys "encoder", "collaborative", "source" and "target". "auto"
        takes 1e-3 for the encoder, 4e-3 for the decoder of histories and 2e-3 for those of transitions, and 1e-3 for
        all beside a residual encoder.
    dropout : float or dict, default=0.2
        Dropout rate; in [0, 1). A dict has the keys of ``learning_rate``. "multinomial" drops entries of the encoder's
        input only. "paper" drops after the linear map of each part.
    weight_decay : float, default=0.3
        Weight decay of AdamW, in units of the learning rate; at least 0.
    weight_averaging : float, default=0.998
        Decay of the moving average of the weights over training steps; in [0, 1). The average is kept after training.
        0 keeps the newest weights.
    n_negatives : int, None or "auto", default="auto"
        Number of random negative items per batch, beside the batch's own targets; at least 1. None takes all items.
        "auto" takes 1,024 for more than 8,192 items, otherwise None. "paper" always takes all items.
    activation : {"identity", "logistic", "relu", "tanh"}, default="relu"
        Activation of the encoder.
    transition_window : int, default=5
        Maximum number of steps from an item to a later one that counts as its transition; at least 1.
    transition_decay : float, default=0.7
        A transition of k steps weighs ``transition_decay**(k - 1)``; in (0, 1].
    history_encoder : {"auto", "residual", "shared"}, default="auto"
        Encoder of a user's history for the collaborative part. "shared" is the encoder of all rows. "residual" has
        learned decays and a residual block, and needs many events in order. "auto" takes "residual" from 100 events per
        item on, "shared" with ``ties="together"``. "paper" is always "shared".
    history_dropout : float, default=0.2
        Dropout rate before, inside and after the residual block; in [0, 1).
    history_decay : float, default=0.9
        The k-th newest item of a history row weighs ``history_decay**(k - 1)``, and 0 once that is under .002; in
        (0, 1]. 1 cuts nothing. "shared" encodes this row, and the parts two_hop, linear and repeat read it.
    context_size : int, default=5
        Number of a user's last items whose transitions are followed; at least 1. The part direct follows 10 at most.
    context_decay : float, default=0.5
        The k-th last of these items weighs ``context_decay**(k - 1)``; in (0, 1].
    trend_half_lives : tuple of float, default=(30, 300, 3000, 30000)
        Half-lives of the popularity baseline (the trend), in events; each above 0. Empty for none.
    neighbour_window : int, default=20
        Maximum number of steps between two items of a history that count as a pair for the part neighbours, which
        scores the neighbours of as many last items. 0 counts no pairs.
    neighbour_decay : float, default=0.8
        The neighbours of the k-th last item weigh ``neighbour_decay**(k - 1)``; in (0, 1].
    ties : {"auto", "row", "together"}, default="auto"
        What a user does at one time: "row" takes it in row order; "together" as one moment without order (a basket),
        all of which is ranked before any is added, and inside which no transition runs: then the k-th last *moment* is
        what decays. "auto" takes "together" from 3 events per user and timestamp on.
    linear_penalty : float or None, default=300
        Penalty of the linear autoencoder's squared weights (EASE); above 0. Only the 4,096 most frequent items have
        any. None leaves the part linear out.
    blend : "auto" or dict, default="auto"
        Weight of each part of the score, at least 0: "collaborative", "one_hop", "two_hop", "direct" (a tuple, one per
        last item, or one number that fades), "neighbours", "linear", "repeat" (a tuple of four, or one number) and
        "trend" (a tuple, one per half-life). Missing parts weigh 0. "auto" fits the weights to the held-out events.
    gate : bool, default=True
        Whether the situation changes the weights of a fitted blend: the time since the user's last event, the time
        between the last two, the length of the history, the popularity of the last item. Needs 300 usable events.
    validation_fraction : float, default=0.1
        Newest share of the log that is held out for ``blend="auto"`` and ``early_stopping``; in (0, 1). With fewer than
        50 usable events held out, ``fit`` warns, validates nothing and takes a fixed blend.
    early_stopping : bool, default=True
        Whether to stop when the log-likelihood of the held-out events has not risen by more than ``tol`` for
        ``n_iter_no_change`` epochs in a row, unless it rises from a fall by then, and to keep the best epoch. It uses a
        blend fitted after each epoch; if ``blend`` is a dict, only its overall scale is fitted.
    n_iter_no_change : int, default=4
        Patience of ``early_stopping``, in epochs; at least 1.
    tol : float, default=1e-3
        Smallest gain in log-likelihood over the best earlier epoch that ``early_stopping`` counts; at least 0.
    refit : bool, default=True
        Whether the best weights are trained on, on the whole log, for a third of their epochs (and 1,000 steps at
        least). Otherwise the held-out events are only counted.
    exclude_seen : bool, default=True
        Whether to leave out a user's seen items, in recommendations, in evaluation, and in the softmax of training.
    warm_start : bool, default=False
        Whether another ``fit`` starts from the weights of the earlier one; items are matched by id. ``n_components``,
        ``activation`` and ``history_encoder`` must be the same. Validation scores are too good where the earlier fit
        was trained on the same events.
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ..., "weight": ...,
        "event": ...}``, some or all of them. What is not given is found by the usual names (see the user guide).
    event_weights : dict or None, default=None
        What an event counts by its kind, ``{"view": 0.2, "buy": 1}``; from 0 to 1,000,000 each. Kinds are read from a
        column of events, which ``fit``, ``partial_update`` and ``score`` then need. None weighs by a column of weights,
        by ``sample_weight``, or all the same.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to train and to score; "auto" takes cuda if there is one. Fitted weights and the state stay on the CPU, so
        a model loads anywhere. Without cuda, a model fitted with "cuda" is scored on the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What training multiplies matrices in. "bfloat16" rounds products, is faster where the device multiplies it
        natively, and refused elsewhere; "auto" takes it there. Weights and counts are float32. So are answers: batches
        find candidates by rounded products there, and score them in float32.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, of shuffling and of dropout. The global random states of numpy and torch do not
        change.
    verbose : int or "auto", default="auto"
        "auto" prints one line on stderr, once the fit will take longer than ten seconds: how many epochs, how long. 0
        prints nothing, 1 a line per epoch, 2 or more shows a bar, which needs tqdm.

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the known users, in order of first appearance in time. Updates append to it. Forgetting removes users
        without an event left.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the known items, likewise.
    dislikes_ : ndarray of shape (n_pairs, 2)
        Ids of users and of the items that they dislike, in order. A new ``fit`` begins without: ``dislike(dislikes_)``
        hands them on.
    module_ : torch.nn.Module
        The trained network. Not there for "closed_form".
    ties_ : {"row", "together"}
        How the fit took events of one timestamp.
    blend_ : dict
        Weight of every part of the score, where no gate changes it; valid as ``blend``.
    gate_ : dict or None
        By part and feature, the exponent of a part's weight per standard deviation of the feature; None without a gate.
    loss_curve_ : list of dict
        Mean loss of each epoch that the weights were trained for, one per decoder: with the held-out part left out,
        up to the best epoch, then of the refit.
    validation_scores_ : list of float
        Mean log-likelihood of the newest 2,000 held-out events after each epoch (softmax of the scores, less the prior
        of the blend). ``early_stopping`` maximises it. Empty if nothing was held out.
    n_iter_ : int
        Number of epochs that the weights were trained for, those of the refit among them.
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    skautoseqrec.model_selection.TemporalSplit : Cross-validation in time, for searches over parameters.
    skautoseqrec.metrics.RankingScorer : Ranking metrics as scorers.

    Notes
    -----
    The score is a weighted sum of parts, which the :ref:`user guide <score>` lists. An unknown user (cold start) is
    scored by the popularity baseline (the trend) and the decoders' biases; without trends, by the number of events. A
    user or an item is known from its first event on.

    References
    ----------
    Liu et al., "AutoSeqRec: Autoencoder for Efficient Sequential Recommendation", CIKM 2023, arXiv 2308.06878.

    Examples
    --------
    >>> from skautoseqrec import AutoSeqRecRecommender
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "milk", 4), ("cid", "jam", 5)]
    >>> recommender = AutoSeqRecRecommender(
    ...     n_components=8, max_iter=5, blend={"collaborative": 1, "direct": 1}, early_stopping=False, random_state=0
    ... )
    >>> recommender.fit(log).predict_topk(["bob"], k=2).shape
    (1, 2)
    >>> recommender.partial_update([("bob", "honey", 6)]).item_ids_
    array(['tea', 'milk', 'jam', 'honey'], dtype=object)
    """

    _parameter_constraints = PARAMETER_CONSTRAINTS
    _serving: Serving
    _log_form: dict[str, Any]
    _journal = None

    def __init__(
        self,
        n_components: int = 256,
        *,
        objective: str = "multinomial",
        max_iter: int = 100,
        batch_size: int = 256,
        learning_rate: str | float | Mapping[str, float] = "auto",
        dropout: float | Mapping[str, float] = 0.2,
        weight_decay: float = 0.3,
        weight_averaging: float = 0.998,
        n_negatives: str | int | None = "auto",
        activation: str = "relu",
        transition_window: int = 5,
        transition_decay: float = 0.7,
        history_encoder: str = "auto",
        history_dropout: float = 0.2,
        history_decay: float = 0.9,
        context_size: int = 5,
        context_decay: float = 0.5,
        trend_half_lives: tuple[float, ...] = (30, 300, 3000, 30000),
        neighbour_window: int = 20,
        neighbour_decay: float = 0.8,
        ties: str = "auto",
        linear_penalty: float | None = 300.0,
        blend: Any = "auto",
        gate: bool = True,
        validation_fraction: float = 0.1,
        early_stopping: bool = True,
        n_iter_no_change: int = 4,
        tol: float = 1e-3,
        refit: bool = True,
        exclude_seen: bool = True,
        warm_start: bool = False,
        columns: Mapping[str, str] | None = None,
        event_weights: Mapping[Any, float] | None = None,
        device: str = "auto",
        precision: str = "auto",
        random_state: Any = None,
        verbose: int | str = "auto",
    ) -> None:
        self.n_components = n_components
        self.objective = objective
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.weight_averaging = weight_averaging
        self.n_negatives = n_negatives
        self.activation = activation
        self.transition_window = transition_window
        self.transition_decay = transition_decay
        self.history_encoder = history_encoder
        self.history_dropout = history_dropout
        self.history_decay = history_decay
        self.context_size = context_size
        self.context_decay = context_decay
        self.trend_half_lives = trend_half_lives
        self.neighbour_window = neighbour_window
        self.neighbour_decay = neighbour_decay
        self.ties = ties
        self.linear_penalty = linear_penalty
        self.blend = blend
        self.gate = gate
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.refit = refit
        self.exclude_seen = exclude_seen
        self.warm_start = warm_start
        self.columns = columns
        self.event_weights = event_weights
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, *, sample_weight: ArrayLike | None = None) -> AutoSeqRecRecommender:
        """Train on a log; an earlier fit is forgotten, except for its weights with ``warm_start``.

        Dislikes are forgotten, too: hand ``dislikes_`` of the earlier fit to :meth:`dislike` of the new one.

        A KeyboardInterrupt during training ends it with a warning and keeps the whole epochs so far. The blend is still
        fitted; no further training starts. An interrupt before the first epoch ends, or a second interrupt, is raised,
        and the recommender is as before.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples, Interactions or SequenceMatrices
            The log: user, item and optionally time, rows in any order. Without time, row order is time.
        y : None
            Ignored, but passed to callbacks; there for the scikit-learn API.
        sample_weight : array-like of shape (n_events,) or None, default=None
            What each event counts, from 0 (context only) to 1,000,000, rounded to multiples of 1/1024. None takes the
            log's column of weights or ``event_weights``, and otherwise 1.

        Returns
        -------
        self : AutoSeqRecRecommender
            The fitted recommender.

        Raises
        ------
        ValueError, TypeError
            If the log, a parameter or, with ``warm_start``, the earlier weights cannot be used. The message names the
            column and row, or the parameter.
        MemoryError
            If the fit needs more memory than is available. The message says how much.

        Warns
        -----
        UserWarning
            If dislikes of the earlier fit are forgotten, many events repeat a pair though ``exclude_seen=True``, the
            log has no times or few different ones, too few events are held out, or training is interrupted.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> recommender.fit(log).item_ids_
        array(['tea', 'milk', 'jam'], dtype=object)
        >>> recommender.fit(log, sample_weight=[1, 0.5, 1, 1]).blend_["direct"]
        (1.0, 0.5, 0.25, 0.125, 0.0625)
        """
        from ._fit_settings import resolve_parameters
        from ._fitting.fit import fit_log
        from ._fitting.warm_start import WarmStart

        is_known = self.blend != "auto" and not self.early_stopping
        monitor = Monitor(self, X, y, self.max_iter if is_known else None)
        is_warm = self.warm_start and hasattr(self, "module_")
        warm_start = WarmStart(self.module_, self._serving.state.item_vocabulary) if is_warm else None
        if hasattr(self, "_serving") and len(self.dislikes_):
            warn_caller(
                f"The new fit begins without the {len(self.dislikes_):,} disliked pairs of the earlier one. Keep "
                "dislikes_ before you fit, and hand it to dislike() afterwards."
            )
        with all_or_nothing(self):
            settings = resolve_parameters(self.get_params(deep=False))
            columns = validate_log(self, X, reset=True, sample_weight=sample_weight)
            form = LogForm.of(X, check_columns(self.columns), weighs_kinds(self))
            if verbosity(self.verbose) >= 1 and form != LogForm():
                print(f"The log: {form}.")
            self.__dict__ |= fit_log(columns, X, settings, monitor, warm_start)
            self._log_form = form._asdict()
        monitor.fit_ends()
        return self

    def partial_update(self, X: Any, *, sample_weight: ArrayLike | None = None) -> AutoSeqRecRecommender:
        """Add new events, exactly and without changing a weight.

        The events of one call are added in time order. Events earlier than the known ones count as arriving now. New
        users and items are known from then on.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The new events.
        sample_weight : array-like of shape (n_events,) or None, default=None
            What each event counts, as in :meth:`fit`. Only a recommender that was fitted with weights takes others
            than 1.

        Returns
        -------
        self : AutoSeqRecRecommender
            The updated recommender.

        Raises
        ------
        ValueError, TypeError
            If the events cannot be used. Then nothing has changed.

        Warns
        -----
        UserWarning
            If ten events or more, and a tenth of the call, are known already: same user, item and time. They count
            twice.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> recommender.fit(log).partial_update([("cid", "tea", 5), ("dan", "jam", 6)]).user_ids_
        array(['ann', 'bob', 'cid', 'dan'], dtype=object)
        """
        from ._persistence.recording import recorded, update_of

        require_fitted(self)
        event_weights = check_event_weights(self.event_weights)
        columns = read_columns(X, check_columns(self.columns), event_weights is not None)
        columns = weighed(columns, event_weights, sample_weight)
        with recorded(self, update_of(columns)):
            self._serving.state.update(columns)
        return self

    def forget(self, users: Any = None, items: Any = None, interactions: Any = None) -> AutoSeqRecRecommender:
        """Remove events from the state, exactly: as if they had never happened.

        Histories, transitions and popularity are counted again from the remaining events. The items before and after a
        removed event now follow each other. The clock of the trend is not rewound: remaining events keep their age.
        Users and items without an event left are no longer known; the others keep their order.

        The weights are not trained again, and the blend is not fitted again: the next :meth:`fit` does both. Only the
        weights of items without an event left are dropped. Files and journals that were written before still hold the
        events until the recommender is saved again.

        ``users``, ``items`` and ``interactions`` may overlap; each event is removed once. What :meth:`dislike` was told
        goes with its users and items, who then need no event to be known.

        Parameters
        ----------
        users : array-like of user ids or None, default=None
            Users all of whose events are removed; each must be known.
        items : array-like of item ids or None, default=None
            Items all of whose events are removed; each must be known.
        interactions : dataframe, array-like, list of tuples, Interactions or None, default=None
            A log of the events to remove, in any form that :meth:`fit` reads. A row removes all events of its user and
            item, and of its time if there is one. Each row must match an event. A frame has the column of times that
            ``columns`` names, if it names one.

        Returns
        -------
        self : AutoSeqRecRecommender
            The recommender without these events.

        Raises
        ------
        ValueError
            If an id is not known, a row matches no event, all three arguments are None, or no event or no item of the
            last fit would be left. The message names the first such id or row. Then nothing has changed.
        TypeError
            If ids or times are of another kind than the known ones. Then nothing has changed.

        Notes
        -----
        It takes as long as counting the log again, and the memory of a second state: forget many at once rather than
        one by one. Other threads get the answers from before until it returns.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("bob", "jam", 4)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.forget(users=["ann"]).user_ids_
        array(['bob'], dtype=object)
        >>> recommender.item_ids_
        array(['tea', 'jam'], dtype=object)
        >>> recommender.forget(interactions=[("bob", "tea", 3)]).item_ids_
        array(['jam'], dtype=object)
        """
        from ._persistence.recording import Forget, recorded
        from ._state.forgetting import find_forgotten

        require_fitted(self)
        state = self._serving.state
        forgotten = find_forgotten(state, users, items, interactions, check_columns(self.columns), weighs_kinds(self))
        if forgotten:
            with recorded(self, Forget(state.events.arrivals[forgotten.events], forgotten.pairs)):
                self._serving = self._serving.without(forgotten)
        return self

    def dislike(self, X: Any, *, withdraw: bool = False) -> AutoSeqRecRecommender:
        """Never recommend some items to some users again, whatever else is asked.

        A disliked item is no candidate of its user in any answer, walk or explanation, whatever ``exclude_seen`` and
        ``candidates`` say. It is no event: nothing is counted, and no weight changes. Users and items may be unknown:
        the pairs are kept by id, and hold once they are known. So the order of calls does not matter.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_pairs, 2 or 3), list of tuples or Interactions
            A log of the users and the items that they dislike, which may be empty. Times and weights are not read, and
            need not be there.
        withdraw : bool, default=False
            Whether the pairs are no longer disliked. Those that were not are ignored.

        Returns
        -------
        self : AutoSeqRecRecommender
            The same recommender.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be read, its ids are of another kind than the known ones, or ``withdraw`` is no bool. Then
            nothing has changed.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> recommender.fit(log).dislike([("bob", "milk")]).predict_topk(["bob"], k=1)
        array([['jam']], dtype=object)
        >>> recommender.dislikes_
        array([['bob', 'milk']], dtype=object)
        >>> recommender.dislike([("bob", "milk")], withdraw=True).predict_topk(["bob"], k=1)
        array([['milk']], dtype=object)
        """
        from ._persistence.recording import Dislike, recorded

        require_fitted(self)
        check_flag(withdraw, "withdraw", may_be_none=False)
        pairs = read_columns(X, check_columns(self.columns), weighs_kinds(self), keys=PAIR, may_be_empty=True)
        if len(pairs.user_ids):
            with recorded(self, Dislike(pairs, bool(withdraw))):
                self._serving.state.dislike(pairs.user_ids, pairs.item_ids, withdraw=bool(withdraw))
        return self

    def refresh(self) -> AutoSeqRecRecommender:
        """Rebuild all float32 sums of the state from the events, without the rounding of updates.

        This happens automatically whenever as many events have been added as the sums were built from, so there is
        seldom a reason to call it. Nothing else changes.

        Returns
        -------
        self : AutoSeqRecRecommender
            The same recommender.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.partial_update([("bob", "jam", 4)]).refresh().predict_topk(["ann"], k=1)
        array([['jam']], dtype=object)
        """
        require_fitted(self)
        self._serving.state.refresh()
        return self

    def predict_topk(
        self,
        users: ArrayLike,
        k: int = 10,
        *,
        exclude_seen: bool | None = None,
        candidates: Any = None,
        exclude: Any = None,
        return_scores: bool = False,
        at: Any = None,
        output: str = "array",
        titles: Any = None,
        on_unknown: str | None = None,
        rerank: Callable[..., Any] | None = None,
        rerank_size: int | None = None,
    ) -> Any:
        """Recommend the next items of some users, best first.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids. An unknown user gets the popularity baseline (the trend).
        k : int, default=10
            Length of each list; at least 1.
        exclude_seen : bool or None, default=None
            Whether to leave out a user's seen items; None takes the estimator's parameter.
        candidates : list of item ids, list of such lists or None, default=None
            Items that may be recommended, for all users or per user. None allows all.
        exclude : list of item ids, list of such lists or None, default=None
            Items that must not be recommended (out of stock, say), for all users or per user.
        return_scores : bool, default=False
            Whether to return the scores too. Scores of different users are not comparable.
        at : time, array-like of shape (n_users,) or None, default=None
            When they are asked for, of the kind of the log's times: a gate weighs the parts by the time since a user's
            last event. None is the newest time known, of any user. A later one is for a visit to come.
        output : {"array", "frame", "list"}, default="array"
            Form of the answer. "frame" is a long dataframe of the kind that was fitted (pandas for arrays and lists of
            rows). "list" is lists of Python values, ready for JSON.
        titles : dict, pandas series, dataframe, array of records or None, default=None
            Title of each item, for a frame or a list: by id, or in a column beside one of ids.
        on_unknown : {"ignore", "warn", "raise"} or None, default=None
            What happens to ids in ``users`` and ``candidates`` that are not known. None ignores unknown users, and
            leaves out unknown candidates with one warning.
        rerank : callable or None, default=None
            Puts the best candidates in another order before the lists are cut: ``rerank(users, ids, scores)`` returns
            the ids of each user's list, in order. See :mod:`skautoseqrec.reranking`.
        rerank_size : int or None, default=None
            Number of candidates that ``rerank`` is given for each user; at least 1. None takes ``rerank.rerank_size``,
            or 10 k. There are never fewer than k, or more than a user has.

        Returns
        -------
        ids : ndarray of shape (n_users, k)
            Item ids; equal scores are in order of ``item_ids_``. If a user has fewer than k candidates, a masked array
            that masks the places without an item. As a list, shorter there.
        scores : ndarray of shape (n_users, k), float32
            Only with ``return_scores``; masked where ``ids`` is. Those of the items, in whatever order they are.
        frame : dataframe
            In place of both, with ``output="frame"``: a row for each user and item. Columns are those of user and item
            as in the fitted log, rank (from 1), score, is_known (whether the user is), and title if there are titles.

        Raises
        ------
        ValueError
            If k < 1, the number of per-user lists or times is not the number of users, ``at`` is given and no known
            event has a time, ``on_unknown="raise"`` and an id is unknown, ``titles`` are given for an array or their
            columns are not clear, ``rerank_size`` is given without ``rerank``, or ``rerank`` returns other items than
            it was given, one twice, or none.
        TypeError
            If ids or times are of another kind than the known ones, or ``candidates`` or ``exclude`` is not a list.
        MemoryError
            If the answer needs more memory than is available.
        ImportError
            If the package of the frame is not installed.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.predict_topk(["bob"], k=1)
        array([['milk']], dtype=object)
        >>> recommender.predict_topk(["bob"], k=1, output="list", titles={"milk": "Fresh milk"})
        [[{'item_id': 'milk', 'title': 'Fresh milk'}]]
        """
        from ._answers.topk import Question, answer_users

        require_fitted(self)
        restriction = (self._excludes_seen(exclude_seen), candidates, exclude)
        question = Question(k, *restriction, return_scores, output, titles, on_unknown, rerank, rerank_size)
        return answer_users(self._serving_on_device(), LogForm(**self._log_form), users, at, question)

    def predict_topk_sequences(
        self,
        sequences: Any,
        k: int = 10,
        *,
        exclude_seen: bool | None = None,
        candidates: Any = None,
        exclude: Any = None,
        return_scores: bool = False,
        output: str = "array",
        titles: Any = None,
        on_unknown: str | None = None,
        rerank: Callable[..., Any] | None = None,
        rerank_size: int | None = None,
    ) -> Any:
        """Recommend the next items of histories that belong to no known user, best first.

        The histories are not added to the state; :meth:`partial_update` does that.

        Parameters
        ----------
        sequences : list of lists of item ids
            Each history, oldest item first, each item at a time of its own. Unknown items are skipped. An empty
            history gets the popularity baseline (the trend).
        k : int, default=10
            Length of each list; at least 1.
        exclude_seen : bool or None, default=None
            Whether to leave out what a history holds; None takes the estimator's parameter.
        candidates : list of item ids, list of such lists or None, default=None
            Items that may be recommended, for all histories or for each. None allows all.
        exclude : list of item ids, list of such lists or None, default=None
            Items that must not be recommended, for all histories or for each.
        return_scores : bool, default=False
            Whether to return the scores too. Scores of different histories are not comparable.
        output : {"array", "frame", "list"}, default="array"
            Form of the answer, as in :meth:`predict_topk`.
        titles : dict, pandas series, dataframe, array of records or None, default=None
            Title of each item, for a frame or a list: by id, or in a column beside one of ids.
        on_unknown : {"ignore", "warn", "raise"} or None, default=None
            What happens to unknown ids, as in :meth:`predict_topk`; to those of the histories, too.
        rerank : callable or None, default=None
            Puts the best candidates in another order, as in :meth:`predict_topk`. It gets the places of the histories,
            from 0, in place of users.
        rerank_size : int or None, default=None
            How many candidates ``rerank`` is given, as in :meth:`predict_topk`.

        Returns
        -------
        ids : ndarray of shape (n_sequences, k)
            As in :meth:`predict_topk`.
        scores : ndarray of shape (n_sequences, k), float32
            Only with ``return_scores``.
        frame : dataframe
            In place of both, with ``output="frame"``. The column sequence holds the place of the history, from 0, and
            is_known whether any of its items is known.

        Raises
        ------
        ValueError, TypeError, MemoryError
            As in :meth:`predict_topk`.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "jam", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.predict_topk_sequences([["jam", "tea"]], k=1)
        array([['milk']], dtype=object)
        """
        from ._answers.topk import Question, answer_sequences

        require_fitted(self)
        restriction = (self._excludes_seen(exclude_seen), candidates, exclude)
        question = Question(k, *restriction, return_scores, output, titles, on_unknown, rerank, rerank_size)
        return answer_sequences(self._serving_on_device(), LogForm(**self._log_form), sequences, question)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the best next item of each row's user.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_rows, 2 or 3), list of tuples or Interactions
            A log, of which times and weights are not read. They need not be there, but an array must have as many
            columns as the fitted one. Users are asked for at the newest time known, as in :meth:`predict_topk`.

        Returns
        -------
        items : ndarray of shape (n_rows,)
            Item ids. ``exclude_seen`` is ignored for a user who has seen all other items. A masked array if a user
            dislikes all items, and masked there.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> recommender.fit(log).predict([("bob", "tea", 3), ("dan", "tea", 7)])
        array(['milk', 'tea'], dtype=object)
        """
        from ._scoring.topk import best_of_each

        require_fitted(self)
        return best_of_each(self._serving_on_device(), validate_users(self, X), self.exclude_seen)

    def score_samples(self, X: Any, ties: str | None = None, judge: Any = None) -> NDArray[Any]:
        """Evaluate a log prequentially (walking forward): rank each event's item for its user, then add the event.

        The recommender itself does not change.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log, usually the events after the fitted ones; rows in any order. Each is asked for at its own time.
        ties : {"row", "together"} or None, default=None
            How events of one timestamp are ranked: "row" adds each before the next row is ranked; "together" ranks all
            before any is added, so that the order of rows does not matter. None takes ``ties_``. Use "together" for
            baskets and dates.
        judge : str, int or None, default=None
            Kind of the events that are ranked, "buy" for instance; all are added. The log then needs a column of
            events. None ranks all, whatever they weigh.

        Returns
        -------
        reciprocal_ranks : ndarray of shape (n_events,)
            1 / rank of each row's item among its candidates (eligible items): known, and not seen by the user if
            ``exclude_seen``, and not disliked. Ties count half. 0 if the item was no candidate. NaN for kinds that are
            not judged.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used, ``ties`` is neither, or no event is of the kind ``judge``.

        Warns
        -----
        UserWarning
            If more than 2 % of the items had been seen by their user, more than half were not known yet, more than 10 %
            of the events are older than 5 % of the fitted ones (the split is not in time), or the order of tied rows
            matters though "row" was chosen. A search warns once, not for each fold.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> recommender.fit(log).score_samples([("bob", "milk", 5), ("ann", "jam", 6)])
        array([1., 1.])
        """
        from ._scoring.walk_forward import score_samples

        require_fitted(self)
        columns = validate_log(self, X, reset=False, asks_for_events=judge is not None)
        asks_for_rows = (check_ties(ties) or self.ties) == "row"
        serving, is_judged = self._serving_on_device(), columns.judged(judge)
        return only(score_samples(serving, columns, ties, self.exclude_seen, asks_for_rows), is_judged)

    def predict_users(
        self,
        items: ArrayLike,
        k: int = 10,
        *,
        users: ArrayLike | None = None,
        exclude_seen: bool | None = None,
        return_scores: bool = False,
        at: Any = None,
        output: str = "array",
    ) -> Any:
        """Return the users who would want an item next, the likeliest first.

        Users are compared by the probability of the item among their own alternatives: the softmax of their scores over
        all items that they may be recommended. (Scores themselves only compare items of one user.)

        Parameters
        ----------
        items : array-like of shape (n_items,)
            Ids of known items.
        k : int, default=10
            Length of each list; at least 1.
        users : array-like of user ids or None, default=None
            Known users to choose from. None takes all.
        exclude_seen : bool or None, default=None
            Whether an item that a user has seen is none of the alternatives; None takes the estimator's parameter.
        return_scores : bool, default=False
            Whether to return the probabilities too.
        at : time or None, default=None
            When they are asked for, as in :meth:`predict_topk`; one time for all.
        output : {"array", "frame", "list"}, default="array"
            Form of the answer, as in :meth:`predict_topk`.

        Returns
        -------
        ids : ndarray of shape (n_items, k)
            User ids; equal probabilities are in order of ``user_ids_``. If the item may be recommended to fewer than k
            users, a masked array that masks the places without a user.
        probabilities : ndarray of shape (n_items, k), float32
            Only with ``return_scores``; in [0, 1], masked where ``ids`` is.
        frame : dataframe
            In place of both, with ``output="frame"``: a row for each item and user, with rank and probability.

        Raises
        ------
        ValueError, TypeError
            If an item or a user is not known, or an argument is not valid.
        MemoryError
            If the answer needs more memory than is available.

        Notes
        -----
        Every user is scored, a block at a time: it takes as long as recommending something to all of them.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.predict_users(["milk"], k=2)
        array([['bob', 'cid']], dtype=object)
        """
        from ._answers.alike import ListQuestion
        from ._answers.users import predict_users

        require_fitted(self)
        question, form = ListQuestion(k, return_scores, output), LogForm(**self._log_form)
        return predict_users(
            self._serving_on_device(), form, items, users, self._excludes_seen(exclude_seen), at, question
        )

    def explain(
        self,
        users: Any,
        items: Any,
        at: Any = None,
        *,
        exclude_seen: bool | None = None,
        candidates: Any = None,
        exclude: Any = None,
        on_unknown: str | None = None,
        titles: Any = None,
        output: str = "bunch",
    ) -> Any:
        """Return why some items score what they do for some users, in numbers and in words, and why some are left out.

        Parameters
        ----------
        users : user id, or array-like of shape (n_users,)
            An unknown user has only the parts of a cold start.
        items : item id, or array-like of shape (n_items,)
            Known items, seen ones too.
        at : time, array-like of shape (n_users,) or None, default=None
            When the scores are asked for, as in :meth:`predict_topk`.
        exclude_seen : bool or None, default=None
            Whether what a user has seen is not recommended; None takes the estimator's parameter. ``status``, ``ranks``
            and ``centered`` are among what may be recommended.
        candidates : list of item ids, list of such lists or None, default=None
            Items that may be recommended, for all users or per user. None allows all.
        exclude : list of item ids, list of such lists or None, default=None
            Items that must not be recommended, for all users or per user.
        on_unknown : {"ignore", "warn", "raise"} or None, default=None
            What happens to unknown ids. None ignores unknown users, and raises for unknown items. Otherwise the numbers
            of an unknown item are NaN.
        titles : dict, pandas series, dataframe, array of records or None, default=None
            Title of each item, as in :meth:`predict_topk`, for the sentences and the frame.
        output : {"bunch", "frame"}, default="bunch"
            "frame" is a long dataframe of the parts alone: user, item, part and value, and title if there are titles.

        Returns
        -------
        explanation : Bunch
            By name, as under Notes: ``parts``, ``centered``, ``scores``, ``past_items``, ``neighbours``, ``reasons``,
            ``shares``, ``status``, ``ranks`` and ``sentences``.
        frame : dataframe
            In place of it, with ``output="frame"``: a row for each user, item and part.

        Raises
        ------
        ValueError
            If an item is not known, or an argument is not valid.
        TypeError
            If ids, times or titles are of another kind than the known ones.
        ImportError
            If the package of the frame is not installed.

        Notes
        -----
        An explanation has numbers of the score:

        - ``parts``: a dict from the name of a part to its weighted values, ndarray of shape (n_users, n_items).
        - ``centered``: the same, minus the mean of the part over the user's candidates. Only such differences rank
          items.
        - ``scores``: the sum of the parts, as :meth:`predict_topk` returns it, ndarray of shape (n_users, n_items).

        It has numbers of past items, an array for each user:

        - ``past_items``: ids of the last ``neighbour_window`` items, newest first.
        - ``neighbours``: what the part of that name adds for each of them, of shape (n_past_items, n_items).
        - ``reasons``: ids of the past items that speak for anything, each once, newest first.
        - ``shares``: the share of each reason in what the parts direct, neighbours and linear add for an item, of shape
          (n_reasons, n_items). Columns add up to 1, or are 0.

        And it has arrays of shape (n_users, n_items) that say what comes of it:

        - ``status``: "candidate", "disliked", "seen", "excluded", "not in candidates" or "unknown".
        - ``ranks``: the place in the list of :meth:`predict_topk`, from 1, masked for all but candidates.
        - ``sentences``: the same in words.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.explain(["bob"], ["milk", "tea"]).parts["direct"].round(2)
        array([[1.79, 0.  ]], dtype=float32)
        >>> for sentence in recommender.explain("bob", ["milk", "tea"]).sentences[0]:
        ...     print(sentence)
        Because of 'tea' (100 %). At place 1 of 1.
        Not recommended: the user has seen it.
        """
        from ._answers.explained import ExplainQuestion, explain_scores
        from ._data.filters import Restriction

        require_fitted(self)
        restriction = Restriction(self._excludes_seen(exclude_seen), candidates, exclude, on_unknown)
        question = ExplainQuestion(users, items, at, restriction, titles, output)
        return explain_scores(self._serving, LogForm(**self._log_form), question)

    def similar_items(
        self,
        items: ArrayLike,
        k: int = 10,
        *,
        side: str = "target",
        return_scores: bool = False,
        output: str = "array",
        titles: Any = None,
    ) -> Any:
        """Return the items most like some items, best first.

        Parameters
        ----------
        items : array-like of shape (n_queries,)
            Ids of known items.
        k : int, default=10
            Number of similar items; at least 1 and below the number of known items.
        side : {"target", "source"}, default="target"
            "target" compares the transitions into the items: similar items follow the same items, as substitutes do.
            "source" compares the transitions out of the items: the same items follow them.
        return_scores : bool, default=False
            Whether to return the cosines too.
        output : {"array", "frame", "list"}, default="array"
            Form of the answer, as in :meth:`predict_topk`.
        titles : dict, pandas series, dataframe, array of records or None, default=None
            Title of each item, for a frame or a list, as in :meth:`predict_topk`.

        Returns
        -------
        ids : ndarray of shape (n_queries, k)
            Item ids, without the item itself; equal cosines are in order of ``item_ids_``.
        cosines : ndarray of shape (n_queries, k), float32
            Only with ``return_scores``; in [-1, 1].
        frame : dataframe
            In place of both, with ``output="frame"``: a row for each item and similar item, with rank and cosine.

        Raises
        ------
        ValueError
            If an item is not known, or ``k`` or ``side`` is out of range.
        MemoryError
            If the answer needs more memory than is available.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> recommender.fit(log).partial_update([("cid", "milk", 5)]).similar_items(["tea"], k=1, side="source")
        array([['jam']], dtype=object)
        """
        from ._answers.alike import ListQuestion, similar_items

        require_fitted(self)
        question = ListQuestion(k, return_scores, output, titles)
        return similar_items(self._serving, LogForm(**self._log_form), items, side, question)

    def similar_users(
        self,
        users: ArrayLike,
        k: int = 10,
        *,
        by: str = "auto",
        return_scores: bool = False,
        output: str = "array",
    ) -> Any:
        """Return the users most like some users, best first.

        Parameters
        ----------
        users : array-like of shape (n_queries,)
            Ids of known users.
        k : int, default=10
            Number of similar users; at least 1 and below the number of known users.
        by : {"auto", "embeddings", "histories"}, default="auto"
            What is compared: ``user_embeddings``, or the histories, decayed by ``history_decay``. "auto" takes the
            embeddings where a network with linear heads has a weight in the blend, and otherwise the histories.
        return_scores : bool, default=False
            Whether to return the cosines too.
        output : {"array", "frame", "list"}, default="array"
            Form of the answer, as in :meth:`predict_topk`.

        Returns
        -------
        ids : ndarray of shape (n_queries, k)
            User ids, without the user itself; equal cosines are in order of ``user_ids_``.
        cosines : ndarray of shape (n_queries, k), float32
            Only with ``return_scores``; in [-1, 1].
        frame : dataframe
            In place of both, with ``output="frame"``: a row for each user and similar user, with rank and cosine.

        Raises
        ------
        ValueError
            If a user is not known, ``k`` or ``by`` is out of range, or there are no embeddings to compare.
        MemoryError
            If the answer needs more memory than is available.

        Notes
        -----
        All users are compared, a block at a time.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> recommender.fit(log).similar_users(["bob"], k=1)
        array([['ann']], dtype=object)
        """
        from ._answers.alike import ListQuestion, similar_users

        require_fitted(self)
        question = ListQuestion(k, return_scores, output)
        return similar_users(self._serving, LogForm(**self._log_form), users, by, question)

    @available_if(_has_linear_heads)
    def item_embeddings(self) -> NDArray[Any]:
        """Return a vector per known item, for nearest-neighbour indexes.

        Its inner product with a user's vector, plus ``item_biases()``, is the neural part of the score (collaborative,
        one_hop and two_hop). Only for ``objective="multinomial"``.

        Returns
        -------
        embeddings : ndarray of shape (n_items, 3 * n_components), float32
            Rows in order of ``item_ids_``.

        Raises
        ------
        AttributeError
            If there is no network with linear heads, as of ``objective="closed_form"`` and of ``objective="paper"``.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"collaborative": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.item_embeddings().shape
        (2, 12)
        """
        from ._scoring import embeddings

        require_fitted(self)
        return embeddings.item_embeddings(self._serving)

    @available_if(_has_linear_heads)
    def item_biases(self) -> NDArray[Any]:
        """Return the bias of each known item, to be added to the inner products of the embeddings.

        Returns
        -------
        biases : ndarray of shape (n_items,), float32
            In order of ``item_ids_``.

        Raises
        ------
        AttributeError
            As :meth:`item_embeddings`.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"collaborative": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.item_biases().shape
        (2,)
        """
        from ._scoring import embeddings

        require_fitted(self)
        return embeddings.item_biases(self._serving)

    @available_if(_has_linear_heads)
    def user_embeddings(self, users: ArrayLike) -> NDArray[Any]:
        """Return a vector per user, for inner products with ``item_embeddings()``.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids. The vector of a user without history carries no information.

        Returns
        -------
        embeddings : ndarray of shape (n_users, 3 * n_components), float32
            Computed from the current histories. All zeros, with a warning, if the blend weighs no neural part.

        Raises
        ------
        AttributeError
            As :meth:`item_embeddings`.
        TypeError
            If ids are of another kind than the known ones.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"collaborative": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> scores = recommender.user_embeddings(["bob"]) @ recommender.item_embeddings().T + recommender.item_biases()
        >>> scores.shape
        (1, 2)
        """
        from ._scoring import embeddings

        require_fitted(self)
        return embeddings.user_embeddings(self._serving, users)

    def with_blend(
        self, blend: Mapping[str, Any] | None = None, exclude_seen: bool | None = None
    ) -> AutoSeqRecRecommender:
        """Return the fitted recommender with another blend, without training.

        The copy shares weights and events: an update of one is an update of both. Sharing ends when one of the two
        forgets events or is fitted; make a new copy then. With an open journal, only the recommender that opened it may
        be updated. Users without history (cold start) are ranked as before.

        Parameters
        ----------
        blend : dict or None, default=None
            Weight of each part of the score, as in the class; None keeps ``blend_``.
        exclude_seen : bool or None, default=None
            As in the class; None keeps the recommender's.

        Returns
        -------
        recommender : AutoSeqRecRecommender
            A light copy with these parameters.

        Raises
        ------
        ValueError
            If a part is unknown, a weight is negative, not finite or too large for float32, or all are zero.
        TypeError
            If ``blend`` is not a dict, or ``exclude_seen`` not a bool.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"collaborative": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.with_blend({"direct": 1.0}).predict_topk(["bob"], k=1)
        array([['milk']], dtype=object)
        """
        require_fitted(self)
        _refuse_no_mapping(blend)
        twin = copy.copy(self)
        if blend is not None:
            twin.blend, twin._serving = blend, self._serving.with_blend(blend)
        twin.exclude_seen = twin._excludes_seen(exclude_seen)
        return twin

    def _check_blend(self, blend: Any, exclude_seen: Any) -> None:
        """Raise what :meth:`with_blend` would say against its arguments after a fit with these parameters."""
        from ._fit_settings import resolve_parameters

        _refuse_no_mapping(blend)
        self._excludes_seen(exclude_seen)
        if blend is not None:
            self._validate_params()
            resolve_parameters({**self.get_params(deep=False), "blend": blend})

    def save_model(self, path: str | os.PathLike[str], *, journal: str | os.PathLike[str] | None = None) -> None:
        """Save the fitted recommender to a file that is safe to load, whoever wrote it.

        The file is in safetensors format: arrays, and a description in JSON. :func:`skautoseqrec.load_model` reads it
        and runs no code from it. An older file is replaced in one step, once the new one is on the disk. Parameters,
        ids, events, weights and the fitted attributes are saved; callbacks and metadata requests are not.

        Parameters
        ----------
        path : str or path
            The file.
        journal : str, path or None, default=None
            A second file (an SQLite database) that records updates; an old journal begins anew. From then on every
            :meth:`partial_update`, :meth:`dislike` and :meth:`forget` is in it, on the disk, before it returns. None
            opens no journal.

        Raises
        ------
        NotFittedError
            If the recommender is not fitted.
        TypeError
            If the recommender is an instance of a subclass.
        ValueError
            If a parameter is not valid or cannot be saved (a ``random_state`` that is a RandomState instance), or
            ``journal`` is another kind of file.
        BlockingIOError
            If another process or estimator has the journal open.
        OSError
            If the file or the journal cannot be written. An older file is as it was.

        Notes
        -----
        ``load_model(path, journal=journal)`` returns the recommender as it was after the last recorded call, also after
        a crash. The journal stays locked until :meth:`close_journal`, until the process ends, or until the recommender
        is saved with another journal.

        A copy (pickle, joblib, deepcopy, clone) has no journal. A copy that shares the events (``copy.copy``,
        :meth:`with_blend`) must not be updated while a journal is open. Do not update in one thread while another one
        saves with a journal.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from skautoseqrec import AutoSeqRecRecommender, load_model
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path, journal = Path(folder) / "model.safetensors", Path(folder) / "model.journal"
        ...     recommender.save_model(path, journal=journal)
        ...     _ = recommender.partial_update([("bob", "jam", 4)])
        ...     recommender.close_journal()
        ...     load_model(path, journal=journal).item_ids_
        array(['tea', 'milk', 'jam'], dtype=object)
        """
        from ._persistence import saving

        require_fitted(self)
        saving.save(self, path, journal)

    def close_journal(self) -> None:
        """Close the journal that :meth:`save_model` or :func:`skautoseqrec.load_model` opened, and release its lock.

        Later updates are not recorded. Without an open journal nothing happens.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> AutoSeqRecRecommender().close_journal()
        """
        if self._journal is not None:
            self._journal.close()
            del self._journal

    @property
    def user_ids_(self) -> NDArray[Any]:
        """Ids of the known users."""
        return self._fitted_serving().state.user_ids()

    @property
    def item_ids_(self) -> NDArray[Any]:
        """Ids of the known items."""
        return self._fitted_serving().state.item_ids()

    @property
    def dislikes_(self) -> NDArray[Any]:
        """Disliked pairs of ids, in order; what :meth:`dislike` of another fit takes."""
        from ._data.interactions import stacked

        pairs = self._fitted_serving().state.dislikes()
        return stacked([pairs.user_ids, pairs.item_ids])

    @property
    def module_(self) -> AutoSeqRecModule:
        """The trained network."""
        model = self._fitted_serving().scorer.model
        if not model.heads.PARTS:
            raise AttributeError(f"objective={model.heads.NAME!r} has no network, and so no module_.")
        return model.module

    @property
    def ties_(self) -> str:
        """How the fit took events of one timestamp."""
        return self._fitted_serving().scorer.model.settings.ties

    @property
    def gate_(self) -> dict[str, dict[str, float]] | None:
        """How the situation changes the weight of each part, by part and feature; None without a gate."""
        gate = self._fitted_serving().scorer.gate
        return None if gate is None else gate.by_feature()

    @property
    def blend_(self) -> dict[str, Any]:
        """Weight of every part of the score, where no gate changes it."""
        return dict(self._fitted_serving().scorer.blend)

    def _excludes_seen(self, exclude_seen: bool | None) -> bool:
        flag = check_flag(exclude_seen, "exclude_seen")
        return self.exclude_seen if flag is None else flag

    def _fitted_serving(self) -> Serving:
        require_fitted(self)
        return self._serving

    def _serving_on_device(self) -> Serving:
        from ._utils.devices import rounds_answers, scoring_device

        device = scoring_device(self.device)
        return self._serving.on(device, rounds_answers(self.precision, device))

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the recommender is fitted."""
        return hasattr(self, "_serving")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what is pickled and copied: everything except an open journal."""
        from ._persistence import pickling

        # A subclass with a state of its own is asked for that.
        is_ours = type(self).__getstate__ is AutoSeqRecRecommender.__getstate__
        state = pickling.without_journal(super().__getstate__()) if is_ours else self.__getstate__()
        return copyreg.__newobj__, (type(self),), state  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        """Return what skops stores: the parameters, and the fit as a description and arrays."""
        from ._persistence import pickling

        return pickling.describe(self, super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what ``__reduce__`` or ``__getstate__`` returned.

        Raises
        ------
        ModelFileError
            If the state does not describe a fit.
        """
        from ._persistence import pickling

        super().__setstate__(pickling.restore(state))


def _refuse_no_mapping(blend: Any) -> None:
    if blend is not None and not isinstance(blend, Mapping):
        raise TypeError(f"blend must be a dict of weights, or None to keep the fitted one, not {blend!r}.")


def load_model(path: str | os.PathLike[str], *, journal: str | os.PathLike[str] | None = None) -> AutoSeqRecRecommender:
    """Load a recommender that :meth:`AutoSeqRecRecommender.save_model` saved.

    No code in the file is run. Sizes, checksums, codes, shapes and parameters are checked before anything is built from
    them. The loaded recommender gives the same answers, up to rounding, and can be updated.

    Parameters
    ----------
    path : str or path
        The file.
    journal : str, path or None, default=None
        Its journal. The calls it has recorded are repeated, and later ones are recorded. A call that a crash
        interrupted is there as a whole or not at all. None loads the model alone, and warns of a journal beside it.

    Returns
    -------
    recommender : AutoSeqRecRecommender
        The fitted recommender.

    Raises
    ------
    ModelFileError
        A ``ValueError``: if a file is not a saved model or not its journal, is cut off, damaged or edited, or was
        written by a newer version. The message says what is wrong and where.
    BlockingIOError
        If another process or estimator has the journal open.
    OSError
        If a file does not exist or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skautoseqrec import AutoSeqRecRecommender, load_model
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
    >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
    >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.safetensors"
    ...     recommender.save_model(path)
    ...     load_model(path).predict_topk(["bob"], k=1)
    array([['milk']], dtype=object)
    """
    from ._persistence.loading import load

    return load(AutoSeqRecRecommender, path, journal)
