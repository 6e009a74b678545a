"""AutoSeqRecRecommender: parameters, documentation and wiring; no algorithm."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils.validation import check_is_fitted

from ._answers import AnswersMixin
from ._data.estimators import LogTags, all_or_nothing, validate_log
from ._data.reading import read_columns
from ._evaluation import EvaluationMixin
from ._fitting.fit import fit_log
from ._fitting.reporting import CallbackSupportMixin, Watch, with_callbacks
from ._fitting.warm_start import Trained
from ._forgetting import ForgettingMixin
from ._inspection import InspectionMixin
from ._parameters import PAPER_PARAMS, Parameters
from ._pickling import PicklingMixin
from ._reblending import ReblendingMixin
from ._resolving import resolve_parameters
from ._saving import SavingMixin
from ._serving import ServingMixin

__all__ = ["PAPER_PARAMS", "AutoSeqRecRecommender"]


class AutoSeqRecRecommender(
    AnswersMixin,
    EvaluationMixin,
    InspectionMixin,
    ForgettingMixin,
    ReblendingMixin,
    PicklingMixin,
    SavingMixin,
    ServingMixin,
    LogTags,
    CallbackSupportMixin,
    Parameters,
    BaseEstimator,
):
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
        watch = Watch(self, X, y, self.max_iter if is_known else None)
        is_warm = self.warm_start and self.__sklearn_is_fitted__()
        earlier = Trained(self.module_, self._state.items) if is_warm else None
        with all_or_nothing(self):
            parameters = resolve_parameters(self.get_params(deep=False))
            columns = validate_log(self, X, reset=True)
            for name, value in fit_log(columns, X, parameters, watch, earlier).items():
                setattr(self, name, value)
        watch.end()
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
        self._take_in(read_columns(X))
        return self
