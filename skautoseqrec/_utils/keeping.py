"""Frozen dataclasses that keep what follows from their fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class FieldsOnly:
    """A frozen dataclass that may keep what follows from its fields; its pickles and copies hold the fields only."""

    def keep(self, name: str, of: object, make: Callable[[], Answer]) -> Answer:
        """Return what ``make`` returns for a thing; the newest answer of a name is kept as long as the thing is asked.

        Parameters
        ----------
        name : str
            What is kept.
        of : object
            The very thing that it was made of.
        make : callable
            Makes it.
        """
        kept: dict[str, tuple[object, Answer]] = self.__dict__.setdefault("_kept", {})
        known = kept.get(name)
        if known is None or known[0] is not of:
            # One reference, set at once: readers in other threads find a pair that belongs together.
            known = kept[name] = of, make()
        return known[1]

    def keeps(self, name: str) -> bool:
        """Tell whether something is kept by a name."""
        return name in self.__dict__.get("_kept", ())

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
