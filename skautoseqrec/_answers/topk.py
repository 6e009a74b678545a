"""The best items of users or histories: asked, scored, reranked, and given back in the form that is wanted."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._data.filters import Restriction, handle_unknown
from .._data.form import LogForm
from .._data.reading import read_sequences
from .._scoring.scorer import Serving
from .._scoring.topk import top_k
from .._utils.arguments import check_k
from .._utils.memory import require_bytes
from .._utils.torch_state import in_usual_torch_state
from .._utils.words import counted
from .asking import Rows, ask_users
from .forms import ARRAY, BYTES_PER_ANSWER, FRAME, Form, Legend, RankedLists, arrays, check_output, present
from .keys import check_on_unknown
from .reranked import Pages, Reranking, rerank
from .titles import read_titles

#: Name of the column that says which history a row of a frame belongs to.
SEQUENCE = "sequence"
NOBODY = np.zeros(0, dtype=np.int64)


class Question(NamedTuple):
    """What a caller wants to know of some users or histories, as the caller said it.

    Parameters
    ----------
    k : int
        Length of each list.
    exclude_seen : bool
        Leave out what a user has seen.
    candidates, exclude : list of ids, list of such lists, or None
        Allowed and denied items.
    return_scores : bool
        Whether scores are wanted too.
    output : {"array", "frame", "list"}
        The form of the answer.
    titles : dict, series, dataframe, array of records or None
        Titles of items.
    on_unknown : {"ignore", "warn", "raise"} or None
        What happens to unknown ids.
    rerank : callable or None
        Puts the best candidates in another order before the lists are cut.
    rerank_size : int or None
        How many candidates it is given.
    """

    k: Any
    exclude_seen: bool
    candidates: Any = None
    exclude: Any = None
    return_scores: bool = False
    output: Any = ARRAY
    titles: Any = None
    on_unknown: Any = None
    rerank: Any = None
    rerank_size: Any = None

    @property
    def needs_keys(self) -> bool:
        """Whether the answer says, or what is done for it needs, whose it is."""
        return self.rerank is not None or self.output == FRAME or self.on_unknown is not None

    def check(self) -> None:
        """Raise ValueError if a form or a choice is none."""
        check_output(self.output, self.return_scores, self.titles)
        check_on_unknown(self.on_unknown)


@in_usual_torch_state
def answer_users(serving: Serving, log: LogForm, users: Any, at: Any, question: Question) -> Any:
    """Return what the recommender's ``predict_topk`` does.

    Parameters
    ----------
    serving : Serving
        State and scorer.
    log : LogForm
        The form of the fitted log.
    users : list of ids
        Who is asked for.
    at : time, one for each user, or None
        When it is asked.
    question : Question
        What is asked.

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid.
    MemoryError
        If the answer would take more memory than is available.
    ImportError
        If the package that makes the frame is not installed.
    """
    question.check()
    if question.needs_keys:
        rows = ask_users(serving.state, users, at, question.on_unknown)
    else:
        rows = Rows(NOBODY, serving.state.asked(users, at))
    return _answer(serving, log, rows, question, log.user)


@in_usual_torch_state
def answer_sequences(serving: Serving, log: LogForm, sequences: Any, question: Question) -> Any:
    """Return what the recommender's ``predict_topk_sequences`` does; histories are known by their place."""
    question.check()
    on_unknown = question.on_unknown
    if on_unknown is None:
        asked = serving.state.asked_sequences(sequences)
    else:
        lists, vocabulary = read_sequences(sequences), serving.state.item_vocabulary
        asked = serving.state.asked_sequences(lists)
        codes = [vocabulary.find(ids, asked.snapshot.n_items) for ids in lists]
        handle_unknown(lists, codes, "sequences", "item_ids_", on_unknown, "Such items are skipped.")
    return _answer(serving, log, Rows(np.arange(len(asked.histories)), asked), question, SEQUENCE)


def _answer(serving: Serving, log: LogForm, rows: Rows, question: Question, key: str) -> Any:
    (state, scorer), asked = serving, rows.asked
    snapshot, items = asked.snapshot, state.item_vocabulary
    reranking = Reranking.read(question.rerank, question.rerank_size)
    k, n_rows = check_k(question.k), len(asked.histories)
    n_page = k if reranking is None else reranking.page_size(k, snapshot.n_items)
    purpose = f"An answer of {counted(n_page, 'item')} for each of {counted(n_rows, 'user')}"
    require_bytes(BYTES_PER_ANSWER * n_rows * max(k, n_page), purpose, "Ask for fewer users at a time.")
    restriction = Restriction(question.exclude_seen, question.candidates, question.exclude, question.on_unknown)
    eligible = restriction.read(items, snapshot.n_items, n_rows)
    titles = None if question.titles is None else read_titles(question.titles, items, snapshot.n_items, log.item)
    codes, scores = top_k(scorer, asked, n_page, eligible)
    if reranking is not None:
        codes, scores = rerank(Pages(codes, scores), reranking, rows.keys, scorer, snapshot, items).cut(k)
    lists = RankedLists(codes, scores, items.ids(snapshot.n_items))
    if question.output == ARRAY:  # the usual answer, given without delay
        return arrays(lists, question.return_scores)
    is_known = rows.is_known if question.output == FRAME else None
    form = Form(question.output, question.return_scores, log, titles)
    return present(lists, form, Legend(rows.keys, key, log.item, "score", is_known))
