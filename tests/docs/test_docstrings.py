"""Docstrings are read in a terminal: an entry is short, and what a function takes is named."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import skautoseqrec

PACKAGE = Path(skautoseqrec.__file__).parent
#: What is longer belongs under Notes, or into the user guide.
MOST_LINES = 4
SECTIONS = {"Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns"}


def entries(docstring):
    """Return section, name and number of lines of each entry of a docstring."""
    found, section, lines = [], None, [*docstring.splitlines(), ""]
    for line, below in pairwise(lines):
        if re.fullmatch("-{3,}", below):
            section = line
        elif section in SECTIONS and line and not line.startswith((" ", "-")):
            found.append([section, line, 0])
        elif section in SECTIONS and line.startswith(" "):
            found[-1][2] += 1
    return [tuple(entry) for entry in found]


def definitions():
    """Yield where each class and function stands that is no part of a function, and its code."""
    for path in sorted(PACKAGE.rglob("*.py")):
        left = [ast.parse(path.read_text(encoding="utf-8"))]
        while left:
            for node in left.pop().body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    yield f"{path.relative_to(PACKAGE).as_posix()}:{node.lineno} {node.name}", node
                    left += [node] if isinstance(node, ast.ClassDef) else []


def test_entries_are_found():
    text = "Do.\n\nParameters\n----------\na : int\n    One.\n\n    Two.\nb : int\n    One.\n\nNotes\n-----\n x\n"
    assert entries(text) == [("Parameters", "a : int", 2), ("Parameters", "b : int", 1)]


def test_entries_are_short():
    read = {place: entries(ast.get_docstring(node) or "") for place, node in definitions()}
    assert sum(map(len, read.values())) > 1000
    long = {place: [entry for entry in found if entry[2] > MOST_LINES] for place, found in read.items()}
    assert {place: found for place, found in long.items() if found} == {}


def test_what_is_taken_by_name_is_named():
    functions = {place: node for place, node in definitions() if isinstance(node, ast.FunctionDef)}
    assert len(functions) > 500
    unnamed = {place for place, node in functions.items() if node.args.kwarg and not node.name.startswith("_")}
    assert unnamed == set()
