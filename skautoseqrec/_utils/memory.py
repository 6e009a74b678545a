"""How much memory there is, so that what cannot succeed is refused before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import psutil


class ControlGroup(NamedTuple):
    """Where Linux tells what a container may take and has taken."""

    folder: Path
    limit: str
    used: str
    reclaimable: str


CONTROL_GROUPS = [
    ControlGroup(Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    ControlGroup(
        Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    ),
]


#: What takes less is never refused, nor is the machine asked.
ALWAYS_THERE = 2**26


def available_bytes() -> int:
    """Return how many bytes this process may still take: of the machine, or of its control group if that has fewer."""
    available = int(psutil.virtual_memory().available)
    for group in CONTROL_GROUPS:
        limit = _read_number(group.folder / group.limit)
        used = _read_number(group.folder / group.used)
        if limit is not None and used is not None:
            available = min(available, max(0, limit - used + _read_reclaimable(group)))
    return available


def require_bytes(n_bytes: int, purpose: str, advice: str) -> None:
    """Raise MemoryError if fewer bytes are available than something takes.

    Parameters
    ----------
    n_bytes : int
        What it takes.
    purpose : str
        What it is, to begin a sentence with.
    advice : str
        What would take less.
    """
    if n_bytes <= ALWAYS_THERE:
        return
    available = available_bytes()
    if n_bytes > available:
        raise MemoryError(
            f"{purpose} takes about {n_bytes / 2**30:.1f} GiB and {available / 2**30:.1f} GiB are available. {advice}"
        )


def _read_number(path: Path) -> int | None:
    """Return the number that a file holds, None if there is no such file or it says that there is no limit."""
    if not path.is_file():
        return None
    text = path.read_text().strip()
    return int(text) if text.isdigit() else None


def _read_reclaimable(group: ControlGroup) -> int:
    """Return how many of the used bytes are files that were read and may be forgotten."""
    path = group.folder / "memory.stat"
    fields = dict(line.split(maxsplit=1) for line in path.read_text().splitlines()) if path.is_file() else {}
    return int(fields.get(group.reclaimable, 0))
