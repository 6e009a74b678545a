"""Messages of the package in the words of the command line: options in place of parameters.

The package says what to write in Python. Somebody at a shell has no place to write that.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable

#: A string as Python spells it.
QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
#: How a parameter is spelled in a message, and what does the same on the command line.
SPELLINGS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"columns=(\{{(?:{QUOTED}|[^'\"}}])*\}})"), lambda found: _columns(found[1])),
    (re.compile(r"names=\((.*?)\)"), lambda found: "--names " + found[1].replace("'", "").replace(" ", "")),
    (re.compile(r"(event_weights|judge)\b(?= (?:or|asks))"), lambda found: "--" + found[1].replace("_", "-")),
    (re.compile(r"load_interactions\(path, events=True\) reads it from a file\. "), ""),
    (re.compile(r"skip_missing=True"), "--skip-missing"),
    (re.compile(r"(?:set |with )?exclude_seen=False"), "--include-seen"),
    (re.compile(r"exclude_seen=True"), "a model without --include-seen"),
    (re.compile(r"ties='auto'"), "the default"),
    (re.compile(r"name them, item=\.\.\., title=\.\.\. \."), "name them item_id and title in the file."),
    (re.compile(r"n_splits=('[^']*'|\d+)"), r"--folds \1"),
    (re.compile(r"test_size=('[^']*'|\d[\w.-]*\b)"), r"--test-size \1"),
    (re.compile(r"(ties|sep|encoding|time_format|device|precision)=('[^']*')"), lambda found: _option(*found.groups())),
)


def in_options(message: str) -> str:
    """Return a message of the package that names options where it named parameters."""
    for spelling, option in SPELLINGS:
        message = spelling.sub(option, message)
    return message


def _columns(spelled: str) -> str:
    """Return the options that name columns, given a dict as Python spells it; ``...`` stands for a name."""
    named = ast.literal_eval(spelled)
    return " ".join(
        f"--{key} {shlex.quote(name) if name not in (..., '...') else '...'}" for key, name in named.items()
    )


def _option(name: str, value: str) -> str:
    return f"--{name.replace('_', '-')} {value}"
