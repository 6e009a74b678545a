"""Lists of users: who would want an item next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._data.filters import Filter
from .._data.form import LogForm
from .._scoring.best_users import users_for_items
from .._scoring.scorer import Serving
from .._state.snapshot import Asked
from .._utils.arguments import check_k
from .._utils.torch_state import in_usual_torch_state
from .alike import ListQuestion, require_bytes_for
from .asking import known_users
from .forms import Form, Legend, RankedLists, check_output, present
from .keys import read_keys


@in_usual_torch_state
def predict_users(
    serving: Serving, log: LogForm, items: Any, users: Any, exclude_seen: bool, at: Any, question: ListQuestion
) -> Any:
    """Return what the recommender's ``predict_users`` does.

    Parameters
    ----------
    serving : Serving
        State and scorer.
    log : LogForm
        The form of the fitted log.
    items : list of ids
        Known items.
    users : list of ids or None
        Known users to choose from; None for all.
    exclude_seen : bool
        Whether what a user has seen is none of the alternatives.
    at : time or None
        When it is asked.
    question : ListQuestion
        How many, and in what form.

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid, or an item or a user is not known.
    MemoryError
        If the answer would take more memory than is available.
    """
    check_output(question.output, question.return_scores)
    (state, scorer), k = serving, check_k(question.k)
    if at is not None and (isinstance(at, Sequence) or np.ndim(at)) and not isinstance(at, str):
        raise ValueError("at must be one time, for all users, or None.")
    item_ids = read_keys(items, "items", state.item_vocabulary)
    # Read for one user: the snapshot and the time are the same for all.
    one = state.asked(state.user_ids()[:1], at)
    snapshot = one.snapshot
    asked_at = one.asked_at if isinstance(one.asked_at, float) else float(one.asked_at[0])
    codes = state.item_vocabulary.known_codes(item_ids, "items", snapshot.n_items)
    chosen = np.arange(snapshot.n_users)
    if users is not None:
        chosen = np.unique(known_users(state, users, snapshot.n_users))
    require_bytes_for(k, len(codes))
    disliked = state.disliked_by(state.user_vocabulary.ids(snapshot.n_users)[chosen], snapshot)
    asked = Asked(snapshot, snapshot.histories(chosen), asked_at, disliked)
    best, shares = users_for_items(scorer, asked, chosen, codes, k, Filter(exclude_seen))
    lists = RankedLists(best, shares, state.user_vocabulary.ids(snapshot.n_users))
    form = Form(question.output, question.return_scores, log)
    return present(lists, form, Legend(item_ids, log.item, log.user, "probability"))
