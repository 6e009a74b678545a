"""Answers of one generation of the model; any number of threads may ask at the same time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from schemas import Explanation, Identifier, Reason, Recommendations, RecommendedItem

from skautoseqrec import AutoSeqRecRecommender


class RefusedError(ValueError):
    """A request asks for what cannot be: nothing has changed."""


class UnknownItemError(LookupError):
    """The item has no event."""


@dataclass(frozen=True)
class Generation:
    """A recommender that serves, and the titles of its items.

    Parameters
    ----------
    number : int
        Grows by one with every refit that was swapped in.
    recommender : AutoSeqRecRecommender
        Fitted.
    titles : mapping
        From ids to titles; may be empty.

    Raises
    ------
    ValueError
        If ids of titles are of another kind than those of items.
    """

    number: int
    recommender: AutoSeqRecRecommender
    titles: Mapping[Identifier, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the titles."""
        for item in self.titles:
            if isinstance(item, str) != self.items_are_text:
                raise ValueError(f"titles.csv has the id {item!r}, and item ids are {self._kind(self.items_are_text)}.")

    @property
    def users_are_text(self) -> bool:
        """Whether user ids are text, and not integers."""
        return bool(self.recommender.user_ids_.dtype.kind == "O")

    @property
    def items_are_text(self) -> bool:
        """Whether item ids are text, and not integers."""
        return bool(self.recommender.item_ids_.dtype.kind == "O")

    def recommend(self, user: str, k: int, exclude_seen: bool | None, with_titles: bool) -> Recommendations:
        """Return the next items of a user, whose id is given as a path spells it.

        Raises
        ------
        RefusedError
            If that is no id.
        """
        key = self._read_id(user, "user", self.users_are_text)
        try:
            (items,), (scores,) = self.recommender.predict_topk(
                [key], k, exclude_seen=exclude_seen, output="list", return_scores=True
            )
        except (TypeError, ValueError) as error:
            raise RefusedError(str(error)) from error
        # A look-up for each item of the list: titles= would read the whole table for every answer.
        titles = self.titles if with_titles else {}
        places = [
            RecommendedItem(item=item, score=score, title=titles.get(item))
            for item, score in zip(items, scores, strict=True)
        ]
        return Recommendations(user=key, items=places)

    def explain(self, user: str, item: str) -> Explanation:
        """Return why an item stands where it does for a user; both ids are given as a path spells them.

        Raises
        ------
        RefusedError
            If one is no id.
        UnknownItemError
            If the item has no event.
        """
        user_id = self._read_id(user, "user", self.users_are_text)
        item_id = self._read_id(item, "item", self.items_are_text)
        try:
            said = self.recommender.explain(user_id, item_id, on_unknown="ignore", titles=self.titles or None)
        except (TypeError, ValueError) as error:
            raise RefusedError(str(error)) from error
        if said.status[0, 0] == "unknown":
            raise UnknownItemError(said.sentences[0, 0])
        rank = said.ranks[0, 0]
        shares = zip(said.reasons[0].tolist(), said.shares[0][:, 0].tolist(), strict=True)
        return Explanation(
            user=user_id,
            item=item_id,
            status=said.status[0, 0],
            rank=None if rank is np.ma.masked else int(rank),
            score=float(said.scores[0, 0]),
            sentence=said.sentences[0, 0],
            parts={name: float(values[0, 0]) for name, values in said.parts.items()},
            reasons=[Reason(item=past, share=share, title=self.titles.get(past)) for past, share in shares if share],
        )

    def _read_id(self, text: str, name: str, is_text: bool) -> Identifier:
        if is_text:
            return text
        if re.fullmatch(r"-?[0-9]{1,19}", text) is None:
            raise RefusedError(f"{name} ids are {self._kind(is_text)}; {text!r} is none.")
        return int(text)

    @staticmethod
    def _kind(is_text: bool) -> str:
        return "text" if is_text else "integers of 64 bits"
