"""What all baselines share: the methods of the recommender, over a rule that each brings along."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils.validation import check_is_fitted

from .._answers.forms import BYTES_PER_ANSWER, Form, Legend, RankedLists, check_output, present
from .._answers.keys import check_on_unknown, handle_unknown_users, read_keys
from .._answers.titles import read_titles
from .._counts.counted_log import CountedLog, count_log, warn_of_repeats
from .._counts.settings import SequenceSettings
from .._data.estimators import LogEstimator, MeanReciprocalRankMixin, all_or_nothing, validate_log, validate_users
from .._data.filters import Filter, Restriction
from .._data.form import LogForm
from .._data.interactions import Columns, alike
from .._data.naming import check_columns
from .._data.reading import read_columns
from .._utils.arguments import check_flag, check_k, only
from .._utils.memory import require_bytes
from .._utils.words import counted
from ._ranking import top_k, walk_forward
from ._state import BaselineState, Rule


class BaselineRecommender(MeanReciprocalRankMixin, LogEstimator, BaseEstimator, ABC):
    """Base of the baselines. A subclass says how its rule is learned from counts, and its rule how items are scored."""

    _parameter_constraints: dict[str, Any] = {"exclude_seen": ["boolean"], "columns": [dict, None]}
    #: Whether events may count something else than 1; otherwise such weights are refused.
    _counts_weights = False
    _state: BaselineState
    _log_form: LogForm
    exclude_seen: bool
    columns: Mapping[str, str] | None

    @abstractmethod
    def _learn(self, log: CountedLog) -> Rule:
        """Return the rule as a log teaches it."""

    @property
    def _transitions(self) -> tuple[int, float]:
        """Window and decay of the transitions that are counted before :meth:`_learn`; none."""
        return 0, 1.0

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn from a log; an earlier fit is forgotten.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log: user, item and optionally time, rows in any order. Without time, row order is time.
        y : None
            Ignored; there for the scikit-learn API.

        Returns
        -------
        self : object
            The fitted recommender.

        Raises
        ------
        ValueError, TypeError
            If the log or a parameter cannot be used. The message names the column and row, or the parameter.
        MemoryError
            If the fit needs more memory than is available.
        """
        with all_or_nothing(self):
            columns = self._weighed(validate_log(self, X, reset=True))
            window, decay = self._transitions
            settings = SequenceSettings(window, decay, 1.0, 1, 1.0, ())
            log = count_log(columns, X, settings, verbose=0)
            if self.exclude_seen:
                warn_of_repeats(log.counts)
            self._log_form = LogForm.of(X, check_columns(self.columns))
            self._state = BaselineState(log, self._learn(log), settings.step_weights)
        return self

    def partial_update(self, X: Any) -> Any:
        """Add new events to the histories, and to what the baseline counts; the class says what stands still.

        The events of one call are added in time order. Events earlier than the known ones count as arriving now. New
        users and items are known from then on.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The new events.

        Returns
        -------
        self : object
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
        """
        check_is_fitted(self)
        self._state.update(self._weighed(read_columns(X, check_columns(self.columns))))
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
        output: str = "array",
        titles: Any = None,
        on_unknown: str | None = None,
    ) -> Any:
        """Recommend the next items of some users, best first.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids. An unknown user gets what is popular.
        k : int, default=10
            Length of each list; at least 1.
        exclude_seen : bool or None, default=None
            Whether to leave out a user's seen items; None takes the estimator's parameter.
        candidates : list of item ids, list of such lists or None, default=None
            Items that may be recommended, for all users or per user. None allows all.
        exclude : list of item ids, list of such lists or None, default=None
            Items that must not be recommended, for all users or per user.
        return_scores : bool, default=False
            Whether to return the scores too. Scores of different users are not comparable.
        output : {"array", "frame", "list"}, default="array"
            Form of the answer, as in :meth:`skautoseqrec.AutoSeqRecRecommender.predict_topk`.
        titles : dict, pandas series, dataframe, array of records or None, default=None
            Title of each item, for a frame or a list.
        on_unknown : {"ignore", "warn", "raise"} or None, default=None
            What happens to ids in ``users`` and ``candidates`` that are not known. None ignores unknown users, and
            leaves out unknown candidates with one warning.

        Returns
        -------
        ids : ndarray of shape (n_users, k)
            Item ids; equal scores are in order of ``item_ids_``. If a user has fewer than k candidates, a masked array
            that masks the places without an item. As a list, shorter there.
        scores : ndarray of shape (n_users, k), float64
            Only with ``return_scores``; masked where ``ids`` is.
        frame : dataframe
            In place of both, with ``output="frame"``: a row for each user and item.

        Raises
        ------
        ValueError
            If k < 1, the number of per-user lists is not the number of users, or an id is not known and that is to be
            an error.
        TypeError
            If ids are of another kind than the known ones, or ``candidates`` or ``exclude`` is not a list.
        MemoryError
            If the answer needs more memory than is available.
        ImportError
            If the package of the frame is not installed.
        """
        check_is_fitted(self)
        check_output(output, return_scores, titles)
        check_on_unknown(on_unknown)
        state, log, k, flag = self._state, self._log_form, check_k(k), check_flag(exclude_seen, "exclude_seen")
        codes = state.users.codes_of(keys := read_keys(users, "users", state.users))
        handle_unknown_users(keys, codes >= 0, on_unknown)
        restriction = Restriction(self.exclude_seen if flag is None else flag, candidates, exclude, on_unknown)
        eligible = restriction.read(state.items, state.n_items, len(codes))
        purpose = f"An answer of {counted(k, 'item')} for each of {counted(len(codes), 'user')}"
        require_bytes(BYTES_PER_ANSWER * len(codes) * k, purpose, "Ask for fewer users at a time.")
        titled = None if titles is None else read_titles(titles, state.items, state.n_items, log.item)
        lists = RankedLists(*top_k(state, codes.tolist(), k, eligible), state.items.ids())
        legend = Legend(keys, log.user, log.item, "score", codes >= 0)
        return present(lists, Form(output, return_scores, log, titled), legend)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the best next item of each row's user.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_rows, 2 or 3), list of tuples or Interactions
            A log; only its users are read.

        Returns
        -------
        items : ndarray of shape (n_rows,)
            Item ids. ``exclude_seen`` is ignored for a user who has seen all items.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used.
        """
        check_is_fitted(self)
        state = self._state
        users, rows = np.unique(state.users.codes_of(validate_users(self, X)), return_inverse=True)
        best = top_k(state, users.tolist(), 1, Filter(self.exclude_seen))[0][:, 0]
        sated = np.flatnonzero(best < 0)
        best[sated] = top_k(state, users[sated].tolist(), 1, Filter(exclude_seen=False))[0][:, 0]
        return state.items.ids()[best[rows]]

    def score_samples(self, X: Any, ties: str | None = None, judge: Any = None) -> NDArray[np.float64]:
        """Evaluate a log prequentially (walking forward): rank each event's item for its user, then add the event.

        The recommender itself does not change.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log, usually the events after the fitted ones; rows in any order.
        ties : {"row", "together"} or None, default=None
            How events of one timestamp are ranked: "row" adds each before the next row is ranked; "together" ranks all
            before any is added, by ids, so that the order of rows does not matter. None takes ``ties_``.
        judge : str, int or None, default=None
            Kind of the events that are ranked, "buy" for instance; all are added. The log then needs a column of
            events. None ranks all.

        Returns
        -------
        reciprocal_ranks : ndarray of shape (n_events,)
            1 / rank of each row's item among its candidates (eligible items): known, and not seen by the user if
            ``exclude_seen``. Ties count half. 0 if the item was not a candidate. NaN for kinds that are not judged.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used, ``ties`` is neither, or no event is of the kind ``judge``.

        Warns
        -----
        UserWarning
            If more than 2 % of the items had been seen by their user, more than half were not known yet, or more than
            10 % of the events are older than 5 % of the fitted ones (the split is not in time).
        """
        check_is_fitted(self)
        columns = self._weighed(validate_log(self, X, reset=False, asks_for_events=judge is not None))
        is_judged = columns.judged(judge)
        values = walk_forward(self._state, columns, self.ties_ if ties is None else ties, self.exclude_seen)
        return only(values, is_judged)

    def _weighed(self, columns: Columns) -> Columns:
        """Return a log as it is where weights are counted, and otherwise without weights, which must be 1."""
        return columns if self._counts_weights else alike(columns, type(self).__name__)

    @property
    def user_ids_(self) -> NDArray[Any]:
        """Ids of the known users, in order of first appearance in time; updates append to it."""
        check_is_fitted(self)
        return self._state.users.ids()

    @property
    def item_ids_(self) -> NDArray[Any]:
        """Ids of the known items, likewise."""
        check_is_fitted(self)
        return self._state.items.ids()

    @property
    def ties_(self) -> str:
        """How events of one timestamp are taken unless it is said: "row" by row."""
        return "row"

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the recommender is fitted."""
        return hasattr(self, "_state")
