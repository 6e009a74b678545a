"""Numbers and what they count agree, in every message of the package."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

import skautoseqrec
from skautoseqrec._utils.words import counted

PACKAGE = Path(skautoseqrec.__file__).parent
#: What messages count.
THINGS = (
    r" (bits|bytes|candidates|changes|columns|components|epochs|events|files|folds|histories|ids|items|lines|lists|"
    r"models|numbers|orders|places|ranks|rows|scores|users|values|weights)\b"
)
#: Numbers that are never 1, by the file and how its code spells them.
SEVERAL = {
    ("_answers/reranked.py", "len(places)"),  # one of them stands there twice
    ("_counts/counted_log.py", "n_events"),  # a share of them, and that of one is none or all
    ("_counts/evaluation_warnings.py", "len(by_row)"),  # enough to judge by
    ("_data/checks.py", "x.bit_length()"),
    ("_data/reading.py", "width"),  # more than three columns
    ("_fit_settings.py", "n_per_moment"),  # near three
    ("_persistence/journal.py", "len(content)"),
    ("_persistence/loading.py", "journal['end']"),  # below 0
    ("_persistence/recording.py", "clock.tolist()"),  # a list of them
}


def numbers_beside_things():
    """Yield the file and the spelling of each number that a text puts before a plural of its own accord."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = text.values if isinstance(text, ast.JoinedStr) else []
            for number, after in pairwise(parts):
                is_number = isinstance(number, ast.FormattedValue)
                if is_number and isinstance(after, ast.Constant) and re.match(THINGS, after.value):
                    yield path.relative_to(PACKAGE).as_posix(), ast.unparse(number.value)


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 events"), (1, "1 event"), (2, "2 events"), (12345, "12,345 events")]
)
def test_a_number_has_the_noun_that_it_needs(number, words):
    assert counted(number, "event") == words


def test_a_plural_may_be_of_its_own_kind():
    assert [counted(number, "history", "histories") for number in (1, 2)] == ["1 history", "2 histories"]


def test_no_message_counts_without_minding_the_one():
    assert set(numbers_beside_things()) == SEVERAL
