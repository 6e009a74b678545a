"""What requests and answers look like; whatever does not look so is a 422 that names the place."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StrictBool, StrictInt, StrictStr

#: Longest list that may be asked for, and most events in one request.
LONGEST_LIST, MOST_EVENTS = 1000, 10_000


def read_moment(value: Any) -> datetime:
    """Return the datetime that an ISO 8601 text spells; a number in quotes is none."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("a time must be a number, or a text such as 2024-05-01T12:00:00Z")
    return datetime.fromisoformat(value)


def check_text(text: str) -> str:
    """Return a text that UTF-8 can spell: JSON can escape half a character, which no file holds."""
    text.encode()
    return text


def as_list(value: Any) -> Any:
    """Return a single event in a list."""
    return value if isinstance(value, list) else [value]


Identifier = StrictInt | Annotated[StrictStr, AfterValidator(check_text)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Time = StrictInt | Number | Annotated[datetime, BeforeValidator(read_moment)]


class Event(BaseModel, extra="forbid"):
    """Somebody took an item; without a time, now."""

    user: Identifier
    item: Identifier
    time: Time | None = None


class Dislike(BaseModel, extra="forbid"):
    """Somebody dislikes an item or, to withdraw that, no longer does."""

    user: Identifier
    item: Identifier
    withdraw: StrictBool = False


#: One event or a list of them.
Events = Annotated[
    list[Event],
    Field(min_length=1, max_length=MOST_EVENTS),
    BeforeValidator(as_list, json_schema_input_type=Event | list[Event]),
]


#: What a line of the event log holds.
Update = list[Event] | Dislike


class Accepted(BaseModel):
    """The number of the update in the event log, from 1, and how many events it has; a dislike has none."""

    number: int
    n_events: int


class RecommendedItem(BaseModel):
    """One place of a list."""

    item: Identifier
    score: float
    title: str | None = None


class Recommendations(BaseModel):
    """The next items of a user, best first."""

    user: Identifier
    items: list[RecommendedItem]


class Reason(BaseModel):
    """A past item, and its share in what past items add to the score; in [0, 1]."""

    item: Identifier
    share: float
    title: str | None = None


class Explanation(BaseModel):
    """Why an item stands where it does; the rank is from 1, and missing for what is not recommended."""

    user: Identifier
    item: Identifier
    status: str
    rank: int | None
    score: float
    sentence: str
    parts: dict[str, float]
    reasons: list[Reason]


class Health(BaseModel):
    """Which model serves, and how many updates the event log has."""

    status: str
    generation: int | None = None
    n_updates: int
    n_users: int = 0
    n_items: int = 0


class Swapped(BaseModel):
    """The generation that serves now, and of how many updates its refit knew and how many were replayed."""

    generation: int
    n_known: int
    n_replayed: int
