"""AutoSeqRecRecommender on one page: parameters, documentation, and methods that delegate."""

from __future__ import annotations

import copy
import copyreg
import os
from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import Bunch
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._data.estimators import LogEstimator, all_or_nothing, validate_log
from ._data.reading import read_columns
from ._fitting.fit import fit_log
from ._fitting.reporting import CallbackSupportMixin, Monitor, with_callbacks
from ._fitting.warm_start import WarmStart
from ._network.heads import HEADS
from ._network.module import AutoSeqRecModule
from ._parameters import PAPER_PARAMS, PARAMETER_CONSTRAINTS, resolve_parameters
from ._persistence import pickling, saving
from ._persistence.loading import load
from ._persistence.recording import Forget, Update, recorded
from ._scoring import embeddings
from ._scoring.explain import explain
from ._scoring.filters import Restriction
from ._scoring.scorer import Serving
from ._scoring.topk import answer, best_of_each
from ._scoring.walk_forward import score_samples
from ._state.forgetting import find_events
from ._utils.arguments import check_flag, check_weights, count_events, weighted_mean
from ._utils.devices import scoring_device

__all__ = ["PAPER_PARAMS", "AutoSeqRecRecommender", "load_model"]


def _has_linear_heads(estimator: Any) -> bool:
    return bool(HEADS[estimator.objective].ARE_LINEAR)


class AutoSeqRecRecommender(LogEstimator, CallbackSupportMixin, BaseEstimator):
    """Sequential recommender that learns while it serves.

    One encoder and three decoders reconstruct what each user met and which item follows which. New events change
    only those inputs, never the weights, so :meth:`partial_update` is exact and takes microseconds.

    Parameters
    ----------
    n_components : int, default=256
        Size of the hidden representation; at least 1.
    objective : {"multinomial", "paper"}, default="multinomial"
        What training minimises. "multinomial" is the cross-entropy of the next item; "paper" is the published model,
        the squared error of reconstructed rows (section 3.2 of the paper), whose other settings are ``PAPER_PARAMS``.
    max_iter : int, default=100
        Number of epochs, or the most of them with ``early_stopping``; at least 1.
    batch_size : int, default=256
        Rows in a training batch; at least 1.
    learning_rate : float or dict, default=1e-3
        Step size of AdamW; above 0. A dict has the keys "encoder", "collaborative", "source" and "target".
    dropout : float or dict, default=0.2
        Share of values dropped in training; in [0, 1). A dict has the keys of ``learning_rate``. "multinomial" drops
        entries of the encoder's input and nothing else; "paper" drops after the linear map of each part.
    weight_decay : float, default=0.3
        By how much every step shrinks the matrices of weights it touches, in units of the learning rate (AdamW); at
        least 0.
    weight_averaging : float, default=0.998
        Decay of the moving average of the weights over the steps of training, which is what is kept; in [0, 1). With 0
        the newest weights are kept.
    n_negatives : int, None or "auto", default="auto"
        Over how many items, drawn uniformly for each batch, its softmax is summed beside those that its rows ask for;
        at least 1. None sums over all items. "auto" takes 1,024 for a log of more than 8,192 items, otherwise None.
        "paper" always reconstructs all items. The loss of a sample is a little below that of all items.
    activation : {"identity", "logistic", "relu", "tanh"}, default="relu"
        Activation of the encoder.
    transition_window : int, default=5
        How many steps back an item still counts as followed; at least 1.
    transition_decay : float, default=0.7
        The k-th step back weighs ``transition_decay**(k - 1)``; in (0, 1].
    history_encoder : {"auto", "residual", "shared"}, default="auto"
        How a user's history is encoded for the collaborative part. "shared" encodes it as a row of items like any
        other, decayed by ``history_decay``. "residual" sums up the encoder's weights of the newest 60 items, with a
        decay learned for each of the components, and passes the sum through a layer norm and a residual block; it needs
        many events to learn from. "auto" takes "residual" from 100 events per item on; "paper" is always "shared".
    history_dropout : float, default=0.2
        Share of values dropped in training before, inside and after the residual block; in [0, 1).
    history_decay : float, default=0.9
        The k-th newest item of a user's row weighs ``history_decay**(k - 1)``, and nothing once that is under .002; in
        (0, 1]. With 1 the row is never cut. The row is what "shared" encodes and what the repeat part reads.
    context_size : int, default=3
        How many of a user's last items the hops start from; at least 1.
    context_decay : float, default=0.5
        The k-th last of them weighs ``context_decay**(k - 1)``; in (0, 1].
    trend_half_lives : tuple of float, default=(30, 300, 3000, 30000)
        Half-lives of decayed popularity, in events; each above 0. Empty for none.
    blend : "auto" or dict, default="auto"
        Weight of each part of the score: "collaborative", "one_hop", "two_hop", "direct", "repeat" and "trend" (a
        tuple, one per half-life), each at least 0 and not all 0; parts that are left out weigh nothing. "auto" fits the
        weights by maximum likelihood of the true next item on the newest events of the log, at most 5,000 of the last
        ``validation_fraction``, walked forward with weights trained on the part before it. An item that would get much
        less probability than .01 is a surprise and counts for nothing. Where all candidates of all those events would
        take more than 256 MiB, half of those that fit are the highest scores, of the blend and of each part, and half a
        uniform sample of the others. With "multinomial" it
        gives one_hop no weight: beside the other parts that part was worth nothing on any log it was measured on.
    validation_fraction : float, default=0.1
        Newest share of the log that "auto" and ``early_stopping`` look at; in (0, 1). If it has fewer than 50 usable
        events, a warning says so and fixed weights are taken.
    early_stopping : bool, default=True
        Whether to stop when the mean log-likelihood of the true next items of the validation has not risen by more
        than ``tol`` for ``n_iter_no_change`` epochs in a row, and to keep the best. They are as likely as the blend
        that is fitted after the epoch makes them, or ``blend`` times the best factor where it is a dict.
    n_iter_no_change : int, default=10
        Patience of ``early_stopping`` in epochs; at least 1.
    tol : float, default=1e-3
        By how much an epoch has to beat the best before it for ``early_stopping`` to count it as better; at least 0.
    refit : bool, default=True
        Whether to train once more, on the whole log and for as many epochs as were best, after looking at the
        validation. Otherwise the weights are those of the part before it, and the rest only counts.
    exclude_seen : bool, default=True
        Whether items that a user has met are left out of answers and of evaluation.
    warm_start : bool, default=False
        Whether another ``fit`` starts from the weights of the one before, where the ids of items are the same. New
        items start anew, items that are gone are dropped, and nothing else is kept: no events, and no moments of the
        optimiser. Both trainings start there, with the validation and without. ``n_components``, ``activation`` and
        ``history_encoder`` must be the same; "auto" then takes the history encoder that the weights have. What the fit
        before has seen of the validation already, flatters its scores.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to train and to score; "auto" takes cuda where there is one. The fitted weights and the state are on the
        CPU, so the model loads anywhere, and where there is no cuda it is scored on the CPU, whatever this says.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, of shuffling and of dropout. The global random states of numpy and torch
        are never touched.
    verbose : int, default=0
        1 prints one line per epoch; from 2 on there is a progress bar instead, of tqdm, which must be installed.

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the known users, in order of first appearance in time; updates append to it, and forgetting takes out
        those without an event left.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the known items, likewise.
    module_ : torch.nn.Module
        The trained network.
    blend_ : dict
        Weight of every part of the score; valid as ``blend``.
    loss_curve_ : list of dict
        Mean loss of each epoch of the final training, one per decoder.
    validation_scores_ : list of float
        Mean log-likelihood of the true next item (softmax of the scores, less the prior of the blend) over the newest
        2,000 events after each epoch, which ``early_stopping`` makes as large as it can; empty without a validation.
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
    The score is a sum of weighted parts: what the encoded history decodes to (collaborative), what the transitions out
    of the last items decode to (one hop), how those meet what leads to an item (two hops), the transitions themselves
    (direct, ``log1p(5 T)``), decayed popularity (trend, a log) and, with ``exclude_seen=False``, the user's own decayed
    counts (repeat). A user without history, or an unknown one, is answered by the trend and what the decoders expect of
    anybody, or without trends by the number of events. A user or an item is known from its first event on.

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
    _journal = None

    def __init__(
        self,
        n_components: int = 256,
        *,
        objective: str = "multinomial",
        max_iter: int = 100,
        batch_size: int = 256,
        learning_rate: float | Mapping[str, float] = 1e-3,
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
        context_size: int = 3,
        context_decay: float = 0.5,
        trend_half_lives: tuple[float, ...] = (30, 300, 3000, 30000),
        blend: Any = "auto",
        validation_fraction: float = 0.1,
        early_stopping: bool = True,
        n_iter_no_change: int = 10,
        tol: float = 1e-3,
        refit: bool = True,
        exclude_seen: bool = True,
        warm_start: bool = False,
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
        self.blend = blend
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.refit = refit
        self.exclude_seen = exclude_seen
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> AutoSeqRecRecommender:
        """Train on a log, forgetting what was known before but, with ``warm_start``, the weights.

        A KeyboardInterrupt while epochs are trained ends the training, with a warning, and keeps the whole epochs so
        far: the blend is still fitted, but nothing is refitted any more. With no whole epoch, or at the second one, it
        is raised, and the recommender is as before.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples, Interactions or SequenceMatrices
            The log: user, item and optionally time, rows in any order. Without time, row order is time.
        y : None
            Ignored, but callbacks are told of it; there for the scikit-learn API.

        Returns
        -------
        self : AutoSeqRecRecommender
            The fitted recommender.

        Raises
        ------
        ValueError, TypeError
            If the log or a parameter is not usable, or the weights before it are not (``warm_start``); the message
            names the column and row, or the parameter.
        MemoryError
            If the fit would take more memory than is available; the message says how much.
        """
        is_known = self.blend != "auto" and not self.early_stopping
        monitor = Monitor(self, X, y, self.max_iter if is_known else None)
        is_warm = self.warm_start and self.__sklearn_is_fitted__()
        warm_start = WarmStart(self.module_, self._serving.state.items) if is_warm else None
        with all_or_nothing(self):
            settings = resolve_parameters(self.get_params(deep=False))
            columns = validate_log(self, X, reset=True)
            self.__dict__ |= fit_log(columns, X, settings, monitor, warm_start)
        monitor.fit_ends()
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
        columns = read_columns(X)
        with recorded(self, Update(columns)):
            self._serving.state.update(columns)
        return self

    def forget(self, users: Any = None, items: Any = None, interactions: Any = None) -> AutoSeqRecRecommender:
        """Take events out of the state, exactly: as if they had never been told of.

        Histories, transitions and popularity are counted again from the events that remain, so that items around a
        removed event now follow each other. The trend's clock is not rewound: the remaining events are as old as they
        were. Users and items without an event left are not known any more; those that are keep their order. Where the
        three ways to say which events overlap, each event is removed once.

        The weights are not trained again. What the removed events taught them, and the blend, is not unlearnt until the
        next :meth:`fit`; only the weights of items that have no event left are dropped. Files and journals that were
        written before still hold the events until the recommender is saved again.

        Parameters
        ----------
        users : array-like of user ids or None, default=None
            Users all of whose events are removed; each must be known.
        items : array-like of item ids or None, default=None
            Items all of whose events are removed; each must be known.
        interactions : dataframe, array-like, list of tuples, Interactions or None, default=None
            A log of the events to remove, in any form that :meth:`fit` reads. With times, all events of the same user,
            item and time as a row; without, all of the same user and item. Each row must match an event.

        Returns
        -------
        self : AutoSeqRecRecommender
            The recommender without these events.

        Raises
        ------
        ValueError
            If an id is not known or a row matches no event (the message names the first one), if nothing is asked for,
            or if no event or no item of the last fit would be left. Then nothing has changed.
        TypeError
            If ids or times are of another kind than the known ones. Then nothing has changed.

        Notes
        -----
        It takes as long as counting the log anew, and the memory of a second state meanwhile: forget many at once
        rather than one by one. Answers that are given meanwhile are those from before.

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
        check_is_fitted(self)
        state = self._serving.state
        is_forgotten = find_events(state, users, items, interactions)
        if is_forgotten.any():
            with recorded(self, Forget(state.events.arrivals[is_forgotten])):
                self._serving = self._serving.without(is_forgotten)
        return self

    def refresh(self) -> AutoSeqRecRecommender:
        """Build all sums that answers are read from anew, from the events.

        Updates add to sums of float32, which rounds. It is called by itself whenever as many events have been added as
        the sums were built from, so there is seldom a reason to call it. Nothing else changes.

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
        check_is_fitted(self)
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
    ) -> Any:
        """Recommend the next items of some users, best first.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids. An unknown user is answered by the trend.
        k : int, default=10
            Length of each list; at least 1.
        exclude_seen : bool or None, default=None
            Whether to leave out what a user has met; None takes the estimator's parameter.
        candidates : list of item ids, list of such lists or None, default=None
            Items that may be recommended, for all users or per user; each must be known. None allows all.
        exclude : list of item ids, list of such lists or None, default=None
            Items that may not be recommended (out of stock, say), for all users or per user.
        return_scores : bool, default=False
            Whether to return the scores too. Scores of different users do not compare.

        Returns
        -------
        ids : ndarray of shape (n_users, k)
            Item ids; equal scores stand in order of ``item_ids_``. If a user has fewer than k eligible items, a masked
            array whose places without an item are masked.
        scores : ndarray of shape (n_users, k), float32
            Only with ``return_scores``; masked where ``ids`` is.

        Raises
        ------
        ValueError
            If k < 1, a candidate is not known, or per-user lists are not as many as the users.
        MemoryError
            If the answer would take more memory than is available.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.predict_topk(["bob"], k=1)
        array([['milk']], dtype=object)
        """
        check_is_fitted(self)
        restriction = Restriction(self._excludes_seen(exclude_seen), candidates, exclude)
        serving = self._serving_on_device()
        return answer(serving, serving.state.asked(users), k, restriction, return_scores)

    def predict_topk_sequences(
        self,
        sequences: Any,
        k: int = 10,
        *,
        exclude_seen: bool | None = None,
        candidates: Any = None,
        exclude: Any = None,
        return_scores: bool = False,
    ) -> Any:
        """Recommend what comes next after histories that belong to no known user, best first.

        Nothing is learnt of them; use :meth:`partial_update` for that.

        Parameters
        ----------
        sequences : list of lists of item ids
            Each history oldest first. Items that are not known are skipped; where nothing is left, the trend answers.
        k, exclude_seen, candidates, exclude, return_scores
            As in :meth:`predict_topk`, with histories in place of users.

        Returns
        -------
        ids : ndarray of shape (n_sequences, k)
            As in :meth:`predict_topk`.
        scores : ndarray of shape (n_sequences, k), float32
            Only with ``return_scores``.

        Raises
        ------
        ValueError
            As :meth:`predict_topk`.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "jam", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.predict_topk_sequences([["jam", "tea"]], k=1)
        array([['milk']], dtype=object)
        """
        check_is_fitted(self)
        restriction = Restriction(self._excludes_seen(exclude_seen), candidates, exclude)
        serving = self._serving_on_device()
        return answer(serving, serving.state.asked_sequences(sequences), k, restriction, return_scores)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the best next item of each row's user.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_rows, 2 or 3), list of tuples or Interactions
            A log; only its users are read.

        Returns
        -------
        items : ndarray of shape (n_rows,)
            Item ids. For a user who has met everything, ``exclude_seen`` is ignored.
        """
        check_is_fitted(self)
        return best_of_each(self._serving_on_device(), validate_log(self, X, reset=False).users, self.exclude_seen)

    def score_samples(self, X: Any, ties: str = "row") -> NDArray[Any]:
        """Walk forward over a log: rank each event's item for its user, then let the event in.

        The recommender itself is left as it is.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log, usually what came after the fitted one; rows in any order.
        ties : {"row", "together"}, default="row"
            Whether events of one timestamp see those of earlier rows, or are all ranked before any is let in (for
            baskets and for logs that know only the day: no arbitrary row order can flatter then).

        Returns
        -------
        reciprocal_ranks : ndarray of shape (n_events,)
            1 / rank of each row's item among the eligible ones (known, and not seen if ``exclude_seen``), ties
            counted at half; 0 where the item was not eligible.

        Warns
        -----
        UserWarning
            If the items of more than half of the rows were not eligible.
        """
        check_is_fitted(self)
        columns = validate_log(self, X, reset=False)
        return score_samples(self._serving_on_device(), columns, ties, self.exclude_seen)

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean reciprocal rank of walking forward over a log.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log.
        y : None
            Ignored; there for the scikit-learn API.
        sample_weight : array-like of shape (n_events,) or None, default=None
            Weight of each event in the mean.

        Returns
        -------
        mrr : float
            In [0, 1].

        Raises
        ------
        ValueError, TypeError
            If the log is not usable, or the weights are not one for each event, finite, at least 0 and not all 0.
        """
        weights = check_weights(sample_weight, count_events(X))  # before the walk, which may take long
        return weighted_mean(self.score_samples(X), weights)

    def explain(self, users: ArrayLike, items: ArrayLike) -> Bunch:
        """Return the parts that the scores of some items for some users add up from.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids; an unknown user has only the parts of users without history.
        items : array-like of shape (n_items,)
            Ids of known items, seen ones too.

        Returns
        -------
        explanation : Bunch
            ``parts``: a dict from part to its weighted share of the score, ndarray of shape (n_users, n_items).
            ``centered``: the same minus the part's mean over the user's eligible items, because a part says something
            only beside what it says of others. ``scores``: the sum of the parts, what ``predict_topk`` reports.

        Raises
        ------
        ValueError
            If an item is not known.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.explain(["bob"], ["milk", "tea"]).parts["direct"].round(2)
        array([[1.79, 0.  ]], dtype=float32)
        """
        check_is_fitted(self)
        return explain(self._serving, users, items, self.exclude_seen)

    def similar_items(self, items: ArrayLike, k: int = 10, *, side: str = "target", return_scores: bool = False) -> Any:
        """Return the items most like some items, best first.

        Parameters
        ----------
        items : array-like of shape (n_queries,)
            Ids of known items.
        k : int, default=10
            How many; at least 1 and below the number of known items.
        side : {"target", "source"}, default="target"
            "target" compares what leads to the items: they are reached from the same places, and one could stand for
            the other. "source" compares what they lead to: the same things follow them.
        return_scores : bool, default=False
            Whether to return the cosines too.

        Returns
        -------
        ids : ndarray of shape (n_queries, k)
            Item ids, without the item itself.
        cosines : ndarray of shape (n_queries, k), float32
            Only with ``return_scores``; in [-1, 1].

        Raises
        ------
        ValueError
            If an item is not known, or k or side is not as above.
        """
        check_is_fitted(self)
        ids, cosines = embeddings.similar_items(self._serving, items, k, side)
        return (ids, cosines) if return_scores else ids

    @available_if(_has_linear_heads)
    def item_embeddings(self) -> NDArray[Any]:
        """Return a vector per known item, for nearest-neighbour indexes.

        Its product with a user's vector, plus ``item_biases()``, is the neural part of the score (collaborative, one
        hop and two hops). Only for ``objective="multinomial"``, whose heads are linear.

        Returns
        -------
        embeddings : ndarray of shape (n_items, 3 * n_components), float32
            Rows in order of ``item_ids_``.
        """
        check_is_fitted(self)
        return embeddings.item_embeddings(self._serving)

    @available_if(_has_linear_heads)
    def item_biases(self) -> NDArray[Any]:
        """Return what is added to the product of embeddings for each known item.

        Returns
        -------
        biases : ndarray of shape (n_items,), float32
            In order of ``item_ids_``.
        """
        check_is_fitted(self)
        return embeddings.item_biases(self._serving)

    @available_if(_has_linear_heads)
    def user_embeddings(self, users: ArrayLike) -> NDArray[Any]:
        """Return a vector per user, to be multiplied with ``item_embeddings()``.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids; the vector of a user without history says nothing.

        Returns
        -------
        embeddings : ndarray of shape (n_users, 3 * n_components), float32
            Computed from the histories as they are now. All zeros, with a warning, if no learnt part weighs anything.
        """
        check_is_fitted(self)
        return embeddings.user_embeddings(self._serving, users)

    def with_blend(
        self, blend: Mapping[str, Any] | None = None, exclude_seen: bool | None = None
    ) -> AutoSeqRecRecommender:
        """Return the fitted recommender with another blend, without training.

        Weights and events are shared, not copied: what either takes in (:meth:`partial_update`) both know, until one of
        them forgets or is fitted, of which the other learns nothing: make another copy then. Where there is a journal,
        only the recommender that it was opened for may take events in. A user without history is answered as before.

        Parameters
        ----------
        blend : dict or None, default=None
            Weight of each part of the score, as the parameter; None keeps ``blend_``.
        exclude_seen : bool or None, default=None
            As the parameter; None keeps it.

        Returns
        -------
        recommender : AutoSeqRecRecommender
            A light copy, with these as its parameters.

        Raises
        ------
        ValueError
            If a part is unknown, a weight is negative, not finite or too large for float32, or all are zero.
        TypeError
            If ``blend`` is no dict, or ``exclude_seen`` no bool.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"collaborative": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.with_blend({"direct": 1.0}).predict_topk(["bob"], k=1)
        array([['milk']], dtype=object)
        """
        check_is_fitted(self)
        if blend is not None and not isinstance(blend, Mapping):
            raise TypeError(f"blend must be a dict of weights, or None to keep the fitted one, not {blend!r}.")
        twin = copy.copy(self)
        if blend is not None:
            twin.blend, twin._serving = blend, self._serving.with_blend(blend)
        twin.exclude_seen = twin._excludes_seen(exclude_seen)
        return twin

    def save_model(self, path: str | os.PathLike[str], *, journal: str | os.PathLike[str] | None = None) -> None:
        """Save the fitted recommender in a file that is safe to read, whoever wrote it.

        The file is a safetensors file: numbers, and a description in JSON. :func:`skautoseqrec.load_model` reads it and
        runs nothing that it holds. It replaces an older file in one step, once it is on the disk. It holds parameters,
        ids, events, weights and what :meth:`fit` reported; callbacks and metadata requests are not saved.

        Parameters
        ----------
        path : str or path
            The file.
        journal : str, path or None, default=None
            A file to keep a journal in. An old one is replaced by an empty one that belongs to the file just saved;
            from then on every :meth:`partial_update` and :meth:`forget` is in it, on the disk, before it returns. Then
            ``load_model(path, journal=journal)`` returns the recommender as it is after the last of them, also after a
            crash. The lock on the journal ends with :meth:`close_journal`, with the process, or where the recommender
            is saved with another one. A copy (pickle, joblib, deepcopy, clone) has no journal; one that
            shares the events (``copy.copy``, :meth:`with_blend`) must not take any in. Do not update in one
            thread while another one saves with a journal.

        Raises
        ------
        NotFittedError
            If there is nothing to save yet.
        TypeError
            If the recommender is of a subclass.
        ValueError
            If a parameter is not valid or cannot be saved (a ``random_state`` that is a RandomState instance), or
            ``journal`` is a file that is no journal.
        BlockingIOError
            If another process or estimator has the journal open.
        OSError
            If the file cannot be written, or the platform cannot lock a journal; an older file is as it was.

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
        check_is_fitted(self)
        saving.save(self, path, journal)

    def close_journal(self) -> None:
        """End the journal that :meth:`save_model` or :func:`skautoseqrec.load_model` opened, and release its lock.

        Updates are not recorded from here on. Without an open journal nothing happens.

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
        return self._serving.state.user_ids()

    @property
    def item_ids_(self) -> NDArray[Any]:
        """Ids of the known items."""
        return self._serving.state.item_ids()

    @property
    def module_(self) -> AutoSeqRecModule:
        """The trained network."""
        return self._serving.scorer.model.module

    @property
    def blend_(self) -> dict[str, Any]:
        """Weight of every part of the score."""
        return dict(self._serving.scorer.blend)

    def _excludes_seen(self, exclude_seen: bool | None) -> bool:
        flag = check_flag(exclude_seen, "exclude_seen")
        return self.exclude_seen if flag is None else flag

    def _serving_on_device(self) -> Serving:
        return self._serving.on(scoring_device(self.device))

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there is anything to answer from."""
        return hasattr(self, "_serving")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what is pickled and copied: everything as it is, but for an open journal."""
        # A subclass with a state of its own is asked for that.
        is_ours = type(self).__getstate__ is AutoSeqRecRecommender.__getstate__
        state = pickling.without_journal(super().__getstate__()) if is_ours else self.__getstate__()
        return copyreg.__newobj__, (type(self),), state  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        """Return what skops stores: parameters, and a fit as its description and arrays."""
        return pickling.describe(self, super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what ``__reduce__`` or ``__getstate__`` returned.

        Raises
        ------
        ModelFileError
            If it describes no fit.
        """
        super().__setstate__(pickling.restore(state))


def load_model(path: str | os.PathLike[str], *, journal: str | os.PathLike[str] | None = None) -> AutoSeqRecRecommender:
    """Load a recommender that :meth:`AutoSeqRecRecommender.save_model` saved.

    Nothing in the file is run, and nothing is taken on trust: sizes, checksums, codes, shapes and parameters are
    checked before anything is built from them. The recommender answers as it did, to rounding, and goes on from there.

    Parameters
    ----------
    path : str or path
        The file.
    journal : str, path or None, default=None
        Its journal. What was recorded since the file was saved is let in again, and the journal goes on. An update
        that a crash interrupted is there whole or not at all. None leaves the journal alone, and loads what was saved.

    Returns
    -------
    recommender : AutoSeqRecRecommender
        Fitted.

    Raises
    ------
    ModelFileError
        A ``ValueError``: a file is no saved model or no journal of it, is cut off, damaged or edited, or was written by
        a newer version. The message says what is wrong and where.
    BlockingIOError
        If another process or estimator has the journal open.
    OSError
        If there is no such file, or it cannot be read.

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
    return load(AutoSeqRecRecommender, path, journal)
