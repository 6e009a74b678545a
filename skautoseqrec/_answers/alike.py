"""Lists of what is alike: items of items, and users of users."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._data.form import LogForm
from .._scoring import embeddings
from .._scoring.best_users import EMBEDDINGS, HISTORIES, has_embeddings, users_like_users
from .._scoring.scorer import Serving
from .._utils.arguments import check_choice, check_k
from .._utils.memory import require_bytes
from .._utils.torch_state import in_usual_torch_state
from .._utils.words import counted
from .asking import known_users
from .forms import ARRAY, BYTES_PER_ANSWER, Form, Legend, RankedLists, check_output, present
from .keys import read_keys
from .titles import read_titles

AUTO = "auto"


class ListQuestion(NamedTuple):
    """How many of something a caller wants for each key, and in what form, as the caller said it.

    Parameters
    ----------
    k : int
        Length of each list.
    return_scores : bool
        Whether what they are compared by is wanted too.
    output : {"array", "frame", "list"}
        The form of the answer.
    titles : dict, series, dataframe, array of records or None
        Titles of items, where items are listed.
    """

    k: Any
    return_scores: bool = False
    output: Any = ARRAY
    titles: Any = None


def require_bytes_for(k: int, n_rows: int) -> None:
    """Raise MemoryError if there is no room for so many lists of a length."""
    purpose = f"An answer of {counted(k, 'place')} for each of {counted(n_rows, 'row')}"
    require_bytes(BYTES_PER_ANSWER * n_rows * k, purpose, "Ask for fewer at a time.")


@in_usual_torch_state
def similar_items(serving: Serving, log: LogForm, items: Any, side: Any, question: ListQuestion) -> Any:
    """Return what the recommender's ``similar_items`` does.

    Parameters
    ----------
    serving : Serving
        State and scorer.
    log : LogForm
        The form of the fitted log.
    items : list of ids
        Known items.
    side : {"target", "source"}
        Whether items are compared by what leads to them or by what they lead to.
    question : ListQuestion
        How many, and in what form.

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid, or an item is not known.
    MemoryError
        If the answer would take more memory than is available.
    """
    check_output(question.output, question.return_scores, question.titles)
    check_choice(side, "side", ("target", "source"))
    (state, scorer), k = serving, check_k(question.k)
    base = state.merged()
    n_items = base.counts.n_items
    if k >= n_items:
        raise ValueError(f"k must be below the {n_items} known items, not {k}.")
    keys = read_keys(items, "items", state.item_vocabulary)
    codes = state.item_vocabulary.known_codes(keys, "items", n_items)
    require_bytes_for(k, len(codes))
    titles = None
    if question.titles is not None:
        titles = read_titles(question.titles, state.item_vocabulary, n_items, log.item)
    best, cosines = embeddings.similar_items(scorer, base, codes, k, side)
    lists = RankedLists(best, cosines, state.item_vocabulary.ids(n_items))
    form = Form(question.output, question.return_scores, log, titles)
    return present(lists, form, Legend(keys, log.item, f"similar_{log.item}", "cosine"))


@in_usual_torch_state
def similar_users(serving: Serving, log: LogForm, users: Any, by: Any, question: ListQuestion) -> Any:
    """Return what the recommender's ``similar_users`` does.

    Parameters
    ----------
    serving : Serving
        State and scorer.
    log : LogForm
        The form of the fitted log.
    users : list of ids
        Known users.
    by : {"auto", "embeddings", "histories"}
        What they are compared by.
    question : ListQuestion
        How many, and in what form.

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid, or a user is not known.
    MemoryError
        If the answer would take more memory than is available.
    """
    check_output(question.output, question.return_scores)
    check_choice(by, "by", (AUTO, EMBEDDINGS, HISTORIES))
    (state, scorer), k = serving, check_k(question.k)
    snapshot = state.snapshot
    if by == EMBEDDINGS and not has_embeddings(scorer):
        raise ValueError(
            "by='embeddings' needs a network with linear heads (objective='multinomial') and a blend that weighs a "
            "neural part. by='histories' compares what users did."
        )
    if by == AUTO:
        by = EMBEDDINGS if has_embeddings(scorer) else HISTORIES
    keys = read_keys(users, "users", state.user_vocabulary)
    codes = known_users(state, keys, snapshot.n_users)
    if k >= snapshot.n_users:
        raise ValueError(f"k must be below the {snapshot.n_users} known users, not {k}.")
    require_bytes_for(k, len(codes))
    best, cosines = users_like_users(scorer, snapshot, codes, k, by)
    lists = RankedLists(best, cosines, state.user_vocabulary.ids(snapshot.n_users))
    form = Form(question.output, question.return_scores, log)
    return present(lists, form, Legend(keys, log.user, f"similar_{log.user}", "cosine"))
