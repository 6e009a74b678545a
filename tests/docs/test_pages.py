"""The pages name everything that is public, and every label that code and pages refer to exists."""

import importlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*DOCS.glob("*.rst"), *(DOCS / "user_guide").glob("*.rst")]
MODULES = ["", ".preprocessing", ".metrics", ".model_selection", ".datasets", ".baselines", ".reranking", ".inspection"]
MODULES += [".ensemble"]


def names_in_api():
    """Return the full names that the autosummaries of api.rst list."""
    module, listed, names = "", False, set()
    for line in (DOCS / "api.rst").read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.removeprefix(".. currentmodule:: ")
        if line and not line.startswith(" "):
            listed = line == ".. autosummary::"
        elif listed and re.fullmatch(r" +\w+", line):
            names.add(f"{module}.{line.strip()}")
    return names


def test_the_api_lists_exactly_what_is_public():
    public = set()
    for name in (f"skautoseqrec{suffix}" for suffix in MODULES):
        public |= {f"{name}.{found}" for found in importlib.import_module(name).__all__ if not found.startswith("__")}
    assert names_in_api() == public


def test_every_label_that_is_referred_to_exists():
    texts = [path.read_text(encoding="utf-8") for path in PAGES]
    labels = {label for text in texts for label in re.findall(r"^\.\. _(\w+):$", text, flags=re.MULTILINE)}
    texts += [path.read_text(encoding="utf-8") for path in (ROOT / "skautoseqrec").rglob("*.py")]
    wanted = {label for text in texts for label in re.findall(r":ref:`(?:[^`<]*<)?(\w+)>?`", text)}
    assert len(wanted) > 20
    assert wanted <= labels
