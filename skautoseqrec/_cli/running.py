"""A command as a process: its exit code, and errors and warnings of one line on stderr."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click

from .commands import commands
from .wording import in_options

#: Exit codes: an error of the data or of the machine, of usage, and an interrupt.
FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def run(arguments: Sequence[str]) -> int:
    """Run a command, and return its exit code.

    Parameters
    ----------
    arguments : sequence of str
        What stands behind the name of the program.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run(list(arguments))


def _run(arguments: list[str]) -> int:
    try:
        commands.main(args=arguments, prog_name="skautoseqrec", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        error.show()
        return MISUSED
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted; nothing was saved.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the answers has enough; nothing is left to be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (ValueError, TypeError, OSError, MemoryError, ImportError, click.ClickException) as error:
        _say(f"Error: {error.message if isinstance(error, click.ClickException) else error}")
        return FAILED
    return 0


def _say(message: str) -> None:
    print(" ".join(in_options(message).split()), file=sys.stderr)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _say(f"Warning: {message}")
