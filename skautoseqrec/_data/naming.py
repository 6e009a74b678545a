"""Which columns of a log hold what: as its owner says, by the usual names, or by position."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from .._utils.warn import warn_caller
from .checks import shown

#: What a column can hold, by the keys of ``columns``, and the names that it has in this package.
COLUMN_NAMES = {"user": "user_id", "item": "item_id", "time": "timestamp"}
#: What a log may say besides of each event: what it counts, by this name only, and its kind, where somebody asks.
WEIGHT, EVENT = "weight", "event"
#: What is read where a log stands for its pairs of users and items.
PAIR = ("user", "item")
#: The keys of ``columns``.
KEYS = (*COLUMN_NAMES, WEIGHT, EVENT)
#: The usual names, in lower case and without separators. A name of an earlier group goes before those of later ones.
USUAL_NAMES: dict[str, tuple[frozenset[str], ...]] = {
    "user": (
        frozenset({"user", "userid", "uid", "useridx", "usercode", "username", "userkey"}),
        frozenset(
            {"customer", "customerid", "custid", "client", "clientid", "member", "memberid", "account", "accountid"}
            | {"visitor", "visitorid", "reviewer", "reviewerid", "buyer", "buyerid", "subscriber", "subscriberid"}
            | {"player", "playerid", "listener", "listenerid", "reader", "readerid", "viewer", "viewerid"}
        ),
        frozenset({"session", "sessionid", "device", "deviceid", "cookie", "cookieid"}),
    ),
    "item": (
        frozenset({"item", "itemid", "iid", "itemidx", "itemcode", "itemkey"}),
        frozenset(
            {"product", "productid", "sku", "skuid", "stockcode", "stockcodeid", "asin", "asinid", "parentasin"}
            | {"movie", "movieid", "film", "filmid", "article", "articleid", "news", "newsid", "track", "trackid"}
            | {"song", "songid", "book", "bookid", "isbn", "isbnid", "video", "videoid", "game", "gameid"}
            | {"business", "businessid", "venue", "venueid", "poi", "poiid", "listing", "listingid"}
            | {"offer", "offerid", "content", "contentid", "page", "pageid"}
        ),
    ),
    "time": (
        frozenset({"timestamp", "time", "ts", "t", "datetime", "unixtime", "epoch", "unixtimestamp"}),
        frozenset(
            {"eventtime", "eventtimestamp", "eventdatetime", "reviewtime", "unixreviewtime", "clicktime", "visittime"}
            | {"createdat", "occurredat", "orderedat", "purchasedat", "playedat", "viewedat", "updatedat"}
            | {"invoicedate", "orderdate", "purchasedate", "eventdate", "transactiondate", "tdat"}
        ),
        frozenset({"date", "day"}),
    ),
    "event": (
        frozenset({"event", "eventtype", "eventname", "eventkind"}),
        frozenset(
            {"action", "actiontype", "behavior", "behaviour", "behaviortype", "behaviourtype", "interaction"}
            | {"interactiontype", "activity", "activitytype"}
        ),
    ),
}
#: What is never a time, wherever it stands.
NEVER_TIMES = frozenset(
    {"rating", "ratings", "score", "stars", "label", "feedback", "weight", "quantity", "qty", "price", "unitprice"}
    | {"amount", "count", "counts", "value", "target", "preference", "playcount", "plays", "watchratio", "event"}
)


class Chosen(NamedTuple):
    """The names of the columns that are read; None where there is none."""

    user: str
    item: str
    time: str | None = None
    weight: str | None = None
    event: str | None = None


class Wanted(NamedTuple):
    """What is read of a log in which columns are looked for.

    Parameters
    ----------
    names : mapping or None
        The names of its columns, by what they hold; checked.
    asks_for_events : bool
        Whether the kinds of events must be there.
    keys : collection of str
        What its columns may hold; others are left alone.
    """

    names: Mapping[str, str] | None
    asks_for_events: bool
    keys: Collection[str]

    def chosen(self, names: Sequence[str]) -> Chosen:
        """Return which columns of some names are read."""
        return choose_columns(names, *self)


def width_of(n_columns: int, keys: Collection[str]) -> int:
    """Return how many columns without names are read."""
    return min(n_columns, 3 if "time" in keys else 2)


def check_columns(columns: Any) -> dict[str, str]:
    """Return the names that a user gives to columns, by what they hold; without any, an empty dict.

    Raises
    ------
    TypeError
        If it is no mapping.
    ValueError
        If a key is not known, or two are given one column.
    """
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        raise TypeError(
            f"columns must be a dict such as {{'user': 'CustomerID', 'item': 'StockCode'}}, not {shown(columns)}."
        )
    unknown = [key for key in columns if key not in KEYS]
    if unknown:
        raise ValueError(f"columns has the unknown keys {unknown}; a column is a {' or '.join(map(repr, KEYS))}.")
    for key, name in columns.items():
        if not isinstance(name, Hashable):
            raise TypeError(f"columns has {shown(name)} for {key!r}, and no column can be called that.")
    names = list(columns.values())
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        holds = [key for key, name in columns.items() if name == doubled]
        raise ValueError(f"columns gives the column {shown(doubled)} to {' and '.join(map(repr, holds))}.")
    return dict(columns)


def choose_columns(
    names: Sequence[str],
    columns: Mapping[str, str] | None = None,
    asks_for_events: bool = False,
    keys: Collection[str] = KEYS,
) -> Chosen:
    """Return what :func:`find_columns` finds of some keys, and warn where row order is taken for time."""
    chosen = find_columns(names, columns, asks_for_events, keys)
    ignored = [name for name in names if name not in chosen and not _is_index(name)]
    if chosen.time is None and "time" in keys and ignored:
        warn_caller(
            f"There is no column 'timestamp', so row order is taken for time; ignored columns: {ignored}. "
            "If one of them is the time, name it: columns={'time': ...}."
        )
    return chosen


def find_columns(
    names: Sequence[str],
    columns: Mapping[str, str] | None = None,
    asks_for_events: bool = False,
    keys: Collection[str] = KEYS,
) -> Chosen:
    """Return which columns hold user, item and time, what events count, and their kinds.

    What ``columns`` gives is taken. What it does not give is looked for by the usual names. Two or three columns
    without any telling name are read by position.

    Parameters
    ----------
    names : sequence of str
        All columns, in their order.
    columns : mapping or None, default=None
        The name of the column that holds the "user", "item", "time", "weight" or "event", of none, some or all of
        them; checked.
    asks_for_events : bool, default=False
        Whether the kinds of events are looked for by the usual names, read or not; otherwise they are what ``columns``
        says.
    keys : collection of str, default=KEYS
        What is read, users and items in any case. Columns of the rest are left alone, and need not be there.

    Raises
    ------
    ValueError
        If names are doubled or missing, or it is not clear which column holds what. The message shows a spelling of
        ``columns`` that would do.
    """
    if len(set(names)) < len(names):
        doubled = next(name for name in names if list(names).count(name) > 1)
        raise ValueError(f"Column {doubled!r} stands more than once; keep one.")
    if any(name is None for name in names):
        raise ValueError(f"The log has columns {list(names)}, one of them without a name. Name it, or leave it out.")
    given = {key: name for key, name in (columns or {}).items() if key in keys or name in names}
    names = [name for name in names if name in given.values() or not _is_index(name)]
    missing = [name for name in given.values() if name not in names]
    if missing:
        raise ValueError(f"columns names {missing}, which the log has not; it has {list(names)}.")
    others = [name for name in names if name not in given.values()]
    beside = {key: given[key] for key in (WEIGHT, EVENT) if key in given}
    if WEIGHT not in beside and WEIGHT in others:
        beside[WEIGHT] = WEIGHT
    event = usual_column(EVENT, others, names) if asks_for_events and EVENT not in beside else None
    beside |= {} if event is None else {EVENT: event}
    found: dict[str, str] = {}
    # What is not read is looked for, too: it is neither a user nor an item.
    for key in COLUMN_NAMES:
        free = [name for name in others if name not in beside.values()]
        name = given[key] if key in given else usual_column(key, free, names)
        if name is not None:
            found[key] = name
    left = [name for name in names if name not in beside.values()]
    if "user" not in found or "item" not in found:
        if set(given) & set(COLUMN_NAMES) or not _are_in_their_places(left, found):
            raise _unclear(names, found)
        found = dict(zip(COLUMN_NAMES, left, strict=False))
    beside |= {key: name for key, name in found.items() if key not in PAIR}
    return Chosen(found["user"], found["item"], **{key: name for key, name in beside.items() if key in keys})


def _unclear(names: Sequence[str], found: Mapping[str, str]) -> ValueError:
    """Return the error of a log of which what was found is not all that is needed."""
    return ValueError(
        f"The log has columns {list(names)}, and which of them hold the user and the item is not clear. "
        f"Name them: columns={_spelling(names, found)}, or rename them to 'user_id', 'item_id' and 'timestamp'."
    )


def is_usual(name: object) -> bool:
    """Tell whether a name is a usual one of users, items or times."""
    return any(holds(name, key) for key in COLUMN_NAMES)


def holds(name: object, key: str) -> bool:
    """Tell whether a name is a usual one of what a column can hold."""
    return any(plain(name) in usual for usual in USUAL_NAMES[key])


def plain(name: object) -> str:
    """Return a name in lower case, without separators and without the type that atomic files append to it."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower().split(":")[0])


def usual_column(key: str, names: Sequence[str], every: Sequence[str]) -> str | None:
    """Return the column whose name says that it holds this; None if none does."""
    own_name = COLUMN_NAMES.get(key, key)
    if own_name in names:
        return own_name
    for usual in USUAL_NAMES[key]:
        candidates = [name for name in names if plain(name) in usual]
        if len(candidates) > 1:
            raise ValueError(
                f"The log has columns {list(every)}, of which {' and '.join(map(repr, candidates))} may each hold the "
                f"{key}. Name the one that does: columns={{{key!r}: {candidates[0]!r}}}."
            )
        if candidates:
            return candidates[0]
    return None


def _is_index(name: object) -> bool:
    """Tell whether a column is the index without a name of a pandas frame that became a table."""
    return isinstance(name, str) and re.fullmatch(r"__index_level_\d+__", name) is not None


def _are_in_their_places(names: Sequence[str], found: Mapping[str, str]) -> bool:
    """Tell whether columns may be read by position: two or three, none of whose names says something else."""
    if len(names) not in (2, 3) or (len(names) == 3 and plain(names[2]) in NEVER_TIMES):
        return False
    if any(holds(name, EVENT) for name in names):
        return False
    places = dict(zip(COLUMN_NAMES, names, strict=False))
    return all(places.get(key) == name for key, name in found.items())


def _spelling(names: Sequence[str], found: Mapping[str, str]) -> dict[str, str]:
    """Return what ``columns`` may be: what was found, and for the rest the first columns that are left."""
    left = [name for name in names if name not in found.values() and plain(name) not in NEVER_TIMES]
    return {key: found[key] if key in found else (left.pop(0) if left else "...") for key in PAIR}
