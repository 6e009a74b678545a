"""The page of errors has every message of the package, and no message that the package has not."""

import re
from pathlib import Path

from messages import HOLE, messages

PAGE = Path(__file__).parents[2] / "docs" / "errors.rst"
#: What Python says of a module in its own words, and reasons that stand inside other messages.
NOT_OURS = {"module … has no attribute …", "they are …", "the last frame has no end"}


def entries():
    """Return the messages of the page: whatever stands in double backticks and begins a line, or has a hole."""
    text = PAGE.read_text(encoding="utf-8")
    literals = [re.sub(r"\s+", " ", literal) for literal in re.findall(r"``(.+?)``", text, flags=re.DOTALL)]
    return [literal for literal in literals if re.search(r"[a-z]{2}", literal) and (HOLE in literal or " " in literal)]


def is_of(message, entry):
    """Whether what an entry says between its holes stands in a message, in this order."""
    place = 0
    for words in filter(None, (words.strip() for words in entry.split(HOLE))):
        place = message.find(words, place)
        if place < 0:
            return False
        place += len(words)
    return True


def is_claimed(entry):
    """Whether the page says that the package has this message: it has a hole, or more words than an expression."""
    return HOLE in entry or len(re.findall(r"[a-z]{2,} ", entry)) > 3


MESSAGES = dict(messages())


def test_there_are_messages_and_entries():
    assert len(MESSAGES) > 300
    assert len(entries()) > 200


def test_every_message_is_on_the_page():
    found = entries()
    lacking = {place: text for place, text in MESSAGES.items() if not any(is_of(text, entry) for entry in found)}
    assert {place: text for place, text in lacking.items() if text not in NOT_OURS} == {}


def test_every_entry_is_a_message():
    claimed = [entry for entry in entries() if is_claimed(entry)]
    assert [entry for entry in claimed if not any(is_of(text, entry) for text in MESSAGES.values())] == []
