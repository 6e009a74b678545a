"""One model on one part of one log, in a process of its own, whose figures are kept in a file.

Run by ``benchmarks/compare.py`` as ``python -m peers.measuring JOB FILE``; JOB is the job as JSON.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

import skautoseqrec
from skautoseqrec import AutoSeqRecRecommender, Interactions

from .folds import Fold, judged_fold, read_log, valid_and_test
from .registry import RIVALS, Settings
from .serving import time_single

__all__ = ["OURS", "Record", "code_version", "log_version", "measure", "recorded"]

#: Raised when what is measured changes, so that figures of before are not taken for those of now.
PROTOCOL = 1
#: The recommender as it comes, and without a network; no settings are tried for it.
OURS: dict[str, Settings] = {"default": {}, "closed-form": {"objective": "closed_form"}}
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "implicit", "skrecsys", "rectools")

#: What was measured and what came of it, with the reciprocal ranks under "values".
Record = dict[str, Any]


def measure(job: Record, path: Path, cache: Path, threads: int) -> Record:
    """Return the figures of a job, from the cache or from a process that puts them there.

    Raises
    ------
    RuntimeError
        If the process fails; the message is the end of what it printed.
    """
    file = cache_file(job, cache)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        order = [sys.executable, "-m", "peers.measuring", json.dumps({**job, "path": str(path)}), str(file)]
        limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        done = subprocess.run(order, cwd=Path(__file__).parents[1], env={**os.environ, **limits}, capture_output=True)
        if done.returncode:
            raise RuntimeError(f"{job['model']} failed:\n{done.stderr.decode()[-2000:]}")
    return read_record(file)


def cache_file(job: Record, cache: Path) -> Path:
    """Return where the figures of a job are kept."""
    key = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:24]
    return cache / job["log"] / job["model"] / f"{key}.npz"


def recorded(job: Record, cache: Path) -> list[Record]:
    """Return all records that agree with a job in what it says."""
    files = sorted((cache / job["log"] / job["model"]).glob("*.npz"))
    records = [read_record(file) for file in files]
    return [record for record in records if all(record["job"].get(key) == value for key, value in job.items())]


def read_record(file: Path) -> Record:
    """Return a record from its file."""
    with np.load(file) as arrays:
        return {**json.loads(str(arrays["record"])), "values": arrays["values"]}


def code_version(model: str) -> str:
    """Return a digest of the code of a model, comments and docstrings aside: of the package, or of a rival's files."""
    if model in OURS:
        files = sorted(Path(skautoseqrec.__file__).parent.rglob("*.py"))
    else:
        files = _files_of(RIVALS[model].path, set())
    digest = hashlib.sha256(str(PROTOCOL).encode())
    for file in files:
        digest.update(_without_words(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:12]


def log_version(path: Path) -> str:
    """Return the name of a log and a digest of its contents."""
    return f"{path.name.split('.')[0]}-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def _files_of(file: Path, found: set[Path]) -> list[Path]:
    """Return a file and those beside it that it imports, and that these import."""
    found.add(file)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
            other = file.parent / f"{node.module}.py"
            if other not in found:
                _files_of(other, found)
    return sorted(found)


def _without_words(code: str) -> str:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value.value = ""
    return ast.dump(tree)


def run(job: Record) -> Record:
    """Measure a job in this process."""
    log, is_test = read_log(Path(job["path"]), job["shuffle"]), job["part"] == "test"
    if is_test:
        fold = valid_and_test(log)[1]
        fold = Fold(fold.fitted, fold.walked[: job["n_tests"]])
    else:
        fold = judged_fold(log, job["n_judged"])
    figures = _train(job, fold) if job.get("training") else _fit_and_walk(_make(job), fold, job["ties"], is_test)
    return {
        "job": {key: value for key, value in job.items() if key != "path"},
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "versions": _versions(),
        "threads": int(os.environ.get("OMP_NUM_THREADS", 0)),
        "peak_bytes": _peak_bytes(),
        **figures,
    }


def _make(job: Record) -> Any:
    if job["model"] in OURS:
        return AutoSeqRecRecommender(
            **OURS[job["model"]], random_state=job["seed"], exclude_seen=job["exclude_seen"], device="cpu"
        )
    return RIVALS[job["model"]].make(job["settings"], job["seed"], job["exclude_seen"])


def _fit_and_walk(model: Any, fold: Fold, ties: str, is_test: bool) -> Record:
    started = process_time()
    model.fit(fold.fitted)
    fitted = process_time()
    values = model.score_samples(fold.walked, ties=ties)
    walked = process_time()
    seconds = {"fit_seconds": fitted - started, "walk_seconds": walked - fitted}
    return {**seconds, **(time_single(model, fold.walked) if is_test else {}), "values": values}


def _train(job: Record, fold: tuple[Interactions, Interactions]) -> Record:
    """Train a rival until later events are ranked no better."""
    from .training import judge_epochs

    started = process_time()
    judged = judge_epochs(
        lambda max_iter: _make({**job, "settings": {**job["settings"], "max_iter": max_iter}}),
        *fold,
        ties=job["ties"],
        **job["training"],
    )
    return {**judged._asdict(), "fit_seconds": process_time() - started}


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "skautoseqrec": skautoseqrec.__version__}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = "absent"
    return versions


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Measure the job of the command line and put its record into the file, whole or not at all."""
    record = run(json.loads(sys.argv[1]))
    file = Path(sys.argv[2])
    values = record.pop("values")
    beside = file.with_suffix(f".{os.getpid()}.tmp")
    with beside.open("wb") as stream:
        np.savez_compressed(stream, values=values, record=json.dumps(record))
    beside.replace(file)


if __name__ == "__main__":
    main()
