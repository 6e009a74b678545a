"""Values that keep what was computed from them, but do not hand it on."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


class FieldsOnly:
    """A dataclass whose pickles and copies hold its fields: not what follows from them and was kept."""

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
