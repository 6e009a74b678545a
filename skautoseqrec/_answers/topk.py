"""The best items of users or histories: asked, scored, reranked, and given back in the form that is wanted."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._data.filters import Restriction, handle_unknown
from .._data.form import LogForm
from .._data.reading import read_sequences
from .._scoring.scorer import Serving
from .._scoring.topk import top_k
from .._state.snapshot import Asked
from .._utils.arguments import check_choice, check_k
from .._utils.memory import require_bytes
from .._utils.torch_state import in_usual_torch_state
from .asking import ON_UNKNOWN, Rows, ask_users, check_times
from .forms import ARRAY, FRAME, Form, Legend, RankedLists, check_output, present
from .reranked import Pages, Reranking, rerank
from .titles import read_titles

#: A code, a score, an id and a mask of each, while one is made of the other.
BYTES_PER_ANSWER = 40
#: Name of the column that says which history a row of a frame belongs to.
SEQUENCE = "sequence"
NOBODY = np.zeros(0, dtype=np.int64)


class Question(NamedTuple):
    """What a caller wants to know of some users or histories, as the caller said it.

    Parameters
    ----------
    k : int
        Length of each list.
    restriction : Restriction
        What may be recommended, and what happens to unknown ids.
    return_scores : bool
        Whether scores are wanted too.
    output : {"array", "frame", "list"}
        The form of the answer.
    titles : dict, series, dataframe or None
        Titles of items.
    reranking : Reranking
        How the best candidates are reranked before the lists are cut.
    """

    k: Any
    restriction: Restriction
    return_scores: bool = False
    output: Any = ARRAY
    titles: Any = None
    reranking: Reranking = Reranking()

    @property
    def needs_keys(self) -> bool:
        """Whether the answer says, or what is done for it needs, whose it is."""
        has_rerank = self.reranking.function is not None
        return has_rerank or self.output == FRAME or self.restriction.on_unknown is not None

    def check(self) -> None:
        """Raise ValueError or TypeError if the question makes no sense, whatever is known."""
        check_output(self.output, self.titles)
        check_choice(self.restriction.on_unknown, "on_unknown", ON_UNKNOWN)
        self.reranking.check()


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
        rows = ask_users(serving.state, users, at, question.restriction.on_unknown)
    else:
        check_times(serving.state, at)
        rows = Rows(NOBODY, serving.state.asked(users, at))
    return _answer(serving, log, rows, question, log.user)


@in_usual_torch_state
def answer_sequences(serving: Serving, log: LogForm, sequences: Any, question: Question) -> Any:
    """Return what the recommender's ``predict_topk_sequences`` does; histories are known by their place."""
    question.check()
    on_unknown = question.restriction.on_unknown
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
    k, n_rows = check_k(question.k), len(asked.histories)
    n_page = question.reranking.page_size(k, snapshot.n_items)
    purpose = f"An answer of {n_page:,} items for each of {n_rows:,} users"
    require_bytes(BYTES_PER_ANSWER * n_rows * max(k, n_page), purpose, "Ask for fewer users at a time.")
    eligible = question.restriction.read(items, snapshot.n_items, n_rows)
    titles = read_titles_for(question.titles, serving, asked, log)
    pages = Pages(*top_k(scorer, asked, n_page, eligible))
    if question.reranking.function is not None:
        pages = rerank(pages, question.reranking, rows.keys, scorer, snapshot, items).cut(k)
    lists = RankedLists(*pages, items.ids(snapshot.n_items))
    form = Form(question.output, question.return_scores, log, titles)
    return present(lists, form, Legend(rows.keys, key, log.item, "score", rows.is_known))


def read_titles_for(titles: Any, serving: Serving, asked: Asked, log: LogForm) -> list[str | None] | None:
    """Return the titles of the items that a snapshot knows, by code; None if none were given."""
    if titles is None:
        return None
    return read_titles(titles, serving.state.item_vocabulary, asked.snapshot.n_items, log.item)
