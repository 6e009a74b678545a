"""Results on stdout: tables of fields between tabs, or JSON; a note on stderr."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def note(message: str) -> None:
    """Say on stderr how far things are."""
    click.echo(message, err=True)


def print_facts(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what is known by name, a line for each; or one JSON object."""
    if as_json:
        print(json.dumps(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):{width}}  {_spelled(value)}")


def print_rows(header: Sequence[str] | None, rows: Iterable[Sequence[Any]]) -> None:
    """Print rows of fields between tabs, below a header line if there is one."""
    writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    if header is not None:
        writer.writerow(header)
    writer.writerows([_spelled(value) for value in row] for row in rows)


def print_lines(objects: Iterable[Mapping[str, Any]]) -> None:
    """Print a JSON object in each line."""
    for value in objects:
        print(json.dumps(value))


def _spelled(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_spelled(weight)}" for name, weight in value.items())
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(_spelled, value)) + ")"
    return str(value)
