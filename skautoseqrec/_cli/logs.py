"""Logs on the command line: how they are spelled, read whole, or piece by piece from a stream of any size."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import wraps
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import click

from .._data.interactions import Interactions
from .._data.naming import KEYS, check_columns
from .._data.text_files import NoCompleteRowError, TextFormat
from .._data.text_opening import checked_encoding, open_text, plain_name
from .._data.times import spells_a_number
from .._utils.warn import warn_caller
from ..datasets._files import read_log
from ..recommender import AutoSeqRecRecommender

EXISTING = click.Path(exists=True, dir_okay=False)
WRITTEN = click.Path(dir_okay=False, writable=True)
#: Lines of a stream that are read at once.
LINES = 50_000
#: How text may name separators that cannot be typed.
SEPARATORS = {"\\t": "\t", "tab": "\t"}


@dataclass(frozen=True)
class FileForm:
    """How files spell a log, as the options say.

    Parameters
    ----------
    columns : dict
        Names of columns, by what they hold.
    names : tuple of str or None
        Names of all columns where there is no header line.
    sep, encoding, time_format, decimal, skip_missing
        As in ``load_interactions``.
    keeps_text : frozenset of str
        Which of "user", "item" and "event" are text in a model, whatever they look like.
    """

    columns: dict[str, str]
    names: tuple[str, ...] | None
    sep: str | None
    encoding: str
    time_format: str | None
    decimal: str
    skip_missing: bool
    keeps_text: frozenset[str] = frozenset()

    def as_fitted(self, recommender: AutoSeqRecRecommender, events: bool) -> FileForm:
        """Return the form with names of columns as a model was fitted, where the options give none, and ids likewise.

        Where they are text, "1.0" is another id than "1", and a file that holds the first alone would be numbers.
        """
        fitted = {key: name for key, name in (recommender.columns or {}).items() if events or key != "event"}
        keeps_text = frozenset(key for key, is_text in spelled_as_text(recommender).items() if is_text)
        return replace(self, columns={**fitted, **self.columns}, keeps_text=keeps_text)

    def read(self, file: Any, events: bool = False) -> Interactions:
        """Read a whole log, from a path or an open file; ``events`` asks for their kinds."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        form = TextFormat(**{**given, "columns": check_columns(self.columns)}, asks_for_events=events)
        return read_log(Path(file) if isinstance(file, str) else file, form)

    def stream(self, path: str, events: bool = False) -> Iterator[Interactions]:
        """Yield the pieces of a log, of a file or, for "-", of stdin; each is a log. Parquet is one piece."""
        if path.endswith(".parquet"):
            yield self.read(path, events)
            return
        name = "stdin.csv" if path == "-" else plain_name(Path(path)).name
        with opened(path, self.encoding) as file:
            first = next(file, "")
            if path == "-" and self.sep is None and first.lstrip().startswith("{"):
                name = "stdin.jsonl"
            is_json = self.sep is None and name.endswith((".jsonl", ".ndjson"))
            header = "" if is_json or self.names is not None else first
            rest, n_before = iter(file) if header else chain([first], file), int(bool(header))
            n_pieces, nothing = 0, None
            while lines := _whole_lines(rest):
                if any(line.strip() for line in lines):
                    try:
                        yield self._piece(header, lines, name, f"{path!r} from line {n_before + 1} on", events)
                        n_pieces += 1
                    except NoCompleteRowError as error:
                        nothing = error
                        last = n_before + len(lines)
                        warn_caller(f"Lines {n_before + 1:,} to {last:,} of {path!r} are left out: each lacks a value.")
                n_before += len(lines)
            if nothing is not None and not n_pieces:
                raise nothing

    def _piece(self, header: str, lines: list[str], name: str, place: str, events: bool) -> Interactions:
        piece = io.StringIO(header + "".join(lines), newline="")
        piece.name = name
        try:
            return self.read(piece, events)
        except NoCompleteRowError:
            raise
        except (ValueError, TypeError) as error:
            raise ValueError(f"{error} (counted in the piece of {place})") from error


@contextmanager
def opened(path: str, encoding: str) -> Iterator[TextIO]:
    """Open a text file, plain or compressed, or stdin for "-"; what is no text is told with its name."""
    if path != "-":
        with open_text(Path(path), encoding) as file:
            yield file
        return
    try:
        with io.TextIOWrapper(sys.stdin.buffer, encoding=checked_encoding(encoding), newline="") as text:
            yield text
    except UnicodeDecodeError as error:
        raise ValueError(f"stdin is no text in {encoding}: {error}. Say what it is: --encoding latin-1.") from error


def check_output(output: str, log: str) -> None:
    """Refuse to save a model where none can be, or in place of the log it is made of, before anything is read.

    Raises
    ------
    UsageError
        If the model is to go to stdout, into a folder that does not exist, or to the file of the log by any name.
    """
    path = Path(output)
    if output == "-":
        raise click.UsageError("A model cannot go to stdout: give -o the name of a file.")
    if not path.parent.is_dir():
        raise click.UsageError(
            f"There is no folder {str(path.parent)!r} for the model: make it, or give -o another file."
        )
    if log != "-" and path.exists() and path.samefile(log):
        raise click.UsageError(f"The model would replace the log: {output!r} is {log!r}. Give -o another file.")


def lines_of(path: str) -> Iterator[str]:
    """Yield the lines of a file, or of stdin, that are not blank."""
    with opened(path, "utf-8") as file:
        yield from (line.strip() for line in file if line.strip())


def _whole_lines(rest: Iterator[str]) -> list[str]:
    """Return the next lines; a quoted field that is open at the end of them is read on, if it ends soon."""
    lines = list(islice(rest, LINES))
    is_open = sum(line.count('"') for line in lines) % 2 == 1
    for line in islice(rest, LINES) if is_open else ():
        lines.append(line)
        if line.count('"') % 2:
            break
    return lines


def of_kind(log: Interactions, recommender: AutoSeqRecRecommender) -> Interactions:
    """Return a log whose ids and kinds are such as a recommender knows: "7" where these are text, not 7."""
    names = {"user": "user_ids", "item": "item_ids", "event": "events"}
    spelled = {names[key]: getattr(log, names[key]) for key, is_text in spelled_as_text(recommender).items() if is_text}
    return replace(log, **{name: _as_text(ids) for name, ids in spelled.items()})


def spelled_as_text(recommender: AutoSeqRecRecommender) -> dict[str, bool]:
    """Tell whether the users, the items and the kinds of events that a recommender knows are text."""
    return {
        "user": recommender.user_ids_.dtype.kind == "O",
        "item": recommender.item_ids_.dtype.kind == "O",
        "event": any(isinstance(kind, str) for kind in recommender.event_weights or ()),
    }


def _as_text(ids: Any) -> Any:
    return ids if ids is None or ids.dtype.kind != "i" else ids.astype(str).astype(object)


def read_kind(text: str, log: Interactions) -> str | int:
    """Return a kind of events as a log spells kinds."""
    is_number = log.events is not None and log.events.dtype.kind == "i"
    return int(text) if is_number and re.fullmatch(r"[+-]?\d+", text) else text


def read_weights(text: str, log: Interactions) -> dict[Any, float]:
    """Return the weight of each kind of events, given as "view=.2,buy=1".

    Raises
    ------
    ValueError
        If it is spelled in another way.
    """
    weights = {}
    for pair in text.split(","):
        kind, _, weight = pair.rpartition("=")
        if not kind or not spells_a_number(weight):
            raise ValueError(f"{pair!r} is no kind of events with its weight: write --event-weights view=.2,buy=1.")
        known = read_kind(kind.strip(), log)
        if known in weights:
            raise ValueError(f"--event-weights gives {kind.strip()!r} two weights: leave one out.")
        weights[known] = float(weight)
    return weights


def read_id(text: str, known: Any, name: str) -> Any:
    """Return an id as a recommender knows ids; ``known`` are those that it does."""
    if known.dtype.kind == "O":
        return text
    is_spelled = spells_a_number(text) if known.dtype.kind == "f" else re.fullmatch(r"[+-]?\d+", text)
    if not is_spelled:
        raise ValueError(f"{name} {text!r} is no number, and the {name}s of this model are numbers.")
    return float(text) if known.dtype.kind == "f" else int(text)


judge_option = click.option("--judge", metavar="KIND", help="Kind of the events that are evaluated: all by default.")
ties_option = click.option("--ties", type=click.Choice(["row", "together"]), help="How events of one time are taken.")
seen_option = click.option("--include-seen", is_flag=True, help="Recommend what a user has seen, too.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
weights_option = click.option(
    "--event-weights", metavar="KIND=W,...", help="What events count, by their kind: view=.2,buy=1."
)
LOG_OPTIONS = (
    click.option("--user", metavar="NAME", help="Column of the users, if its name is not a usual one."),
    click.option("--item", metavar="NAME", help="Column of the items, likewise."),
    click.option("--time", metavar="NAME", help="Column of the times, likewise."),
    click.option("--weight", metavar="NAME", help="Column of what events count, if it is not named 'weight'."),
    click.option("--event", metavar="NAME", help="Column of the kinds of events, if its name is not a usual one."),
    click.option("--names", metavar="A,B,...", help="Names of all columns of a file without a header line."),
    click.option("--sep", metavar="TEXT", help="What stands between fields: ';', '::', 'tab', ..."),
    click.option("--encoding", default="utf-8", show_default=True, help="How the file spells characters."),
    click.option("--time-format", metavar="FORM", help="How dates are spelled: '%m/%d/%Y %H:%M', say."),
    click.option("--decimal", type=click.Choice([".", ","]), default=".", help="What stands before decimals of times."),
    click.option("--skip-missing", is_flag=True, help="Leave out rows without a user, an item or a time."),
)


def log_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how a log is spelled, as one argument ``form``."""

    @wraps(command)
    def with_form(*, names: str, sep: str, **others: Any) -> None:
        given = {key: others.pop(key) for key in KEYS}
        form = FileForm(
            columns={key: name for key, name in given.items() if name is not None},
            names=tuple(names.split(",")) if names else None,
            sep=SEPARATORS.get(sep, sep),
            **{name: others.pop(name) for name in ("encoding", "time_format", "decimal", "skip_missing")},
        )
        command(form=form, **others)

    for option in reversed(LOG_OPTIONS):
        with_form = option(with_form)
    return with_form
