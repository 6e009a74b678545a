"""The package's own exceptions."""

from __future__ import annotations


class ModelFileError(ValueError):
    """A file is not a saved model or its journal, is damaged, or was written by a newer version.

    The message names the file, what is wrong and where. It is a ``ValueError``.
    """
