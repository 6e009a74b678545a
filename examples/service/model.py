"""The served model: many threads read it, one thread changes it, and a refit takes its place without a lost event.

An event is acknowledged once it is on the disk twice: in the journal of the served model, which survives a crash with
it, and in the event log, from which the next model is fitted. A refit knows the log up to a number. It is told the rest
before it serves.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import torch
from answers import Generation, RefusedError
from event_log import EventLog, rows_of, sync_folder, to_line
from filelock import FileLock, Timeout
from schemas import Accepted, Dislike, Health, Identifier, Swapped, Update

from skautoseqrec import AutoSeqRecRecommender, ModelFileError, load_model
from skautoseqrec.datasets import load_titles

MODEL, JOURNAL = "model.safetensors", "model.journal"


class NoModelError(RuntimeError):
    """There is no model yet."""


class StoppedError(RuntimeError):
    """A disk or a journal failed: no event is let in any more until the service is started again."""


class SwapError(RuntimeError):
    """There is no refit that can serve: the model from before goes on."""


class ServedModel:
    """The model in a folder.

    Parameters
    ----------
    folder : Path
        ``events.jsonl`` is the event log. ``generation-<n>/`` holds a model and its journal, and ``current`` the number
        of the one that serves. ``refits/<number>.safetensors`` knows the log up to a number. ``titles.csv`` may be
        there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "lock")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._swapping = Lock()
        self._generation: Generation | None = None
        self._failure: str | None = None
        self._titles: Mapping[Identifier, str] = {}

    def start(self) -> None:
        """Load what served last or, the first time, the newest refit if there is one.

        Raises
        ------
        RuntimeError
            If another process serves from the folder.
        """
        torch.set_num_threads(1)  # answers come from many threads already
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RuntimeError(f"Another process serves from {self._folder}; one process may.") from None
        self._log = EventLog(self._folder / "events.jsonl")
        if (self._folder / "titles.csv").exists():
            self._titles = load_titles(self._folder / "titles.csv")
        current = self._folder / "current"
        if current.exists():
            number = int(current.read_text())
            place = self._place(number)
            recommender = load_model(place / MODEL, journal=place / JOURNAL)
            self._generation = Generation(number, recommender, self._titles)
            self._remove_others(number)
        elif self._find_refit() is not None:
            self.reload()

    def close(self) -> None:
        """Finish what the writer has begun, and close all files."""
        self._writer.shutdown()
        if self._generation is not None:
            self._generation.recommender.close_journal()
        self._log.close()
        self._lock.release()

    @property
    def generation(self) -> Generation:
        """What answers now; ask it once for each answer.

        Raises
        ------
        NoModelError
            If there is none yet.
        """
        if self._generation is None:
            raise NoModelError("There is no model yet: fit one (refit.py), then POST /reload.")
        return self._generation

    def health(self) -> Health:
        """Return what serves."""
        serving = self._generation
        if serving is None:
            return Health(status="no model", n_updates=len(self._log))
        return Health(
            status="ok" if self._failure is None else self._failure,
            generation=serving.number,
            n_updates=len(self._log),
            n_users=len(serving.recommender.user_ids_),
            n_items=len(serving.recommender.item_ids_),
        )

    def number(self, name: str) -> float:
        """Return a number of :meth:`health` by its name; 0 while there is no model."""
        return float(getattr(self.health(), name) or 0)

    def add(self, update: Update) -> Future[Accepted]:
        """Have the writer let events in, or a dislike; the result is there once they are on the disk.

        The future raises RefusedError if they cannot be used, NoModelError, or StoppedError.
        """
        return self._writer.submit(self._add, update)

    def _add(self, update: Update) -> Accepted:
        recommender = self.generation.recommender
        self._require_running()
        line, n_events = to_line(update), 0 if isinstance(update, Dislike) else len(update)
        try:
            tell(recommender, update)  # in the journal first: what it refuses never stands in the log
            return Accepted(number=self._log.append(line), n_events=n_events)
        except RefusedError:
            raise
        except Exception as error:
            raise self._stop(error) from error

    def reload(self) -> Swapped:
        """Swap the newest refit in, while the model from before answers and lets events in.

        Raises
        ------
        SwapError
            If there is no refit, it cannot be loaded or told the log, or another reload is under way.
        """
        if not self._swapping.acquire(blocking=False):
            raise SwapError("Another reload is under way.")
        try:
            found = self._find_refit()
            if found is None:
                raise SwapError(f"There is no refit in {self._folder / 'refits'}.")
            return self._swap(*found)
        finally:
            self._swapping.release()

    def _swap(self, refit: Path, n_known: int) -> Swapped:
        if n_known > len(self._log):
            raise SwapError(f"{refit.name} says that it knows {n_known} updates; the log has {len(self._log)}.")
        number = 1 if self._generation is None else self._generation.number + 1
        place = self._place(number)
        try:
            serving = Generation(number, recommender := load_model(refit), self._titles)
            n_told = self._replay(recommender, n_known)
            shutil.rmtree(place, ignore_errors=True)  # of a swap that a crash cut short
            place.mkdir()
            recommender.save_model(place / MODEL, journal=place / JOURNAL)
            n_told = self._replay(recommender, n_told)  # so that the writer has little left to replay
            n_told = self._writer.submit(self._publish, serving, n_told).result()
        except Exception as error:
            raise SwapError(f"{refit.name} cannot serve: {error}") from error
        return Swapped(generation=number, n_known=n_known, n_replayed=n_told - n_known)

    def _replay(self, recommender: AutoSeqRecRecommender, n_told: int) -> int:
        """Tell a recommender the log from a number on, by the calls that the model from before had."""
        n_updates = len(self._log)
        for update in self._log.read(n_told, n_updates):
            tell(recommender, update)
        return n_updates

    def _publish(self, serving: Generation, n_told: int) -> int:
        """Have a generation serve: in the writer thread, so that no event arrives meanwhile."""
        self._require_running()
        n_told = self._replay(serving.recommender, n_told)
        try:
            self._write_current(serving.number)
        except OSError as error:
            raise self._stop(error) from error  # either generation may be what a restart finds, and both know all
        before, self._generation = self._generation, serving
        if before is not None:
            before.recommender.close_journal()
        self._remove_others(serving.number)
        return n_told

    def _write_current(self, number: int) -> None:
        new = self._folder / "current.new"
        with new.open("w") as file:
            file.write(str(number))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / "current")
        sync_folder(self._folder)

    def _find_refit(self) -> tuple[Path, int] | None:
        """Return the refit that knows most, and up to which number."""
        refits = [path for path in self._folder.glob("refits/*.safetensors") if path.stem.isdecimal()]
        return max(((path, int(path.stem)) for path in refits), key=lambda refit: refit[1], default=None)

    def _place(self, number: int) -> Path:
        return self._folder / f"generation-{number}"

    def _remove_others(self, number: int) -> None:
        for place in self._folder.glob("generation-*"):
            if place != self._place(number):
                shutil.rmtree(place, ignore_errors=True)

    def _require_running(self) -> None:
        if self._failure is not None:
            raise StoppedError(self._failure)

    def _stop(self, error: Exception) -> StoppedError:
        """Let nothing in any more, since memory and disk may differ; a restart reads what is on the disk."""
        self._failure = f"Events are refused until the service is started again: {error}"
        return StoppedError(self._failure)


def tell(recommender: AutoSeqRecRecommender, update: Update) -> None:
    """Let the events of one update in, or what somebody dislikes.

    Raises
    ------
    RefusedError
        If they cannot be used. Then nothing has changed.
    """
    try:
        if isinstance(update, Dislike):
            recommender.dislike([(update.user, update.item)], withdraw=update.withdraw)
        else:
            recommender.partial_update(rows_of(update))
    except ModelFileError:
        raise  # a ValueError of the journal, not of the events
    except (TypeError, ValueError) as error:
        raise RefusedError(str(error)) from error
