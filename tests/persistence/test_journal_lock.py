"""One estimator in one process writes to a journal, and only to the one that it opened."""

import os
import signal
import subprocess
import sys
import textwrap
from multiprocessing import get_context

import pytest
from crashes import assert_same_state
from journals import UPDATES, load, read_files

from skautoseqrec import load_model
from skautoseqrec._persistence import loading
from skautoseqrec._persistence.wal import log_of


def try_to_load(paths, queue):
    try:
        load_model(paths[0], journal=paths[1])
    except BlockingIOError as error:
        queue.put(str(error))


def update_elsewhere(paths):
    load_model(paths[0], journal=paths[1]).partial_update(UPDATES[1]).close_journal()


def in_another_process(function, *args):
    process = get_context("forkserver").Process(target=function, args=args)
    process.start()
    return process


def test_two_may_not_write_to_one_journal(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    for take in (lambda: load_model(paths[0], journal=paths[1]), lambda: twin.save_model(paths[0], journal=paths[1])):
        with pytest.raises(BlockingIOError, match="open in another process or estimator"):
            take()
    queue = get_context("forkserver").SimpleQueue()
    process = in_another_process(try_to_load, paths, queue)
    assert "only one may write to it" in queue.get()
    process.join()
    recommender.partial_update(UPDATES[0])
    process = in_another_process(try_to_load, paths, queue)
    assert "only one may write to it" in queue.get()
    process.join()
    recommender.close_journal()
    assert_same_state(load(paths), recommender)


def test_a_journal_that_was_only_loaded_is_locked_as_well(recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0]).close_journal()
    loaded = load_model(paths[0], journal=paths[1])
    queue = get_context("forkserver").SimpleQueue()
    process = in_another_process(try_to_load, paths, queue)
    assert "only one may write to it" in queue.get()
    process.join()
    assert_same_state(loaded, recommender)
    loaded.close_journal()


@pytest.mark.skipif(os.name == "nt", reason="a file that is open is locked for all programs there")
def test_a_lock_that_was_lost_is_noticed_before_anything_is_written(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0])
    # POSIX: whoever closes a file ends all locks that the process has on it.
    read_files(paths[1])
    process = in_another_process(update_elsewhere, paths)
    process.join()
    assert process.exitcode == 0
    with pytest.raises(RuntimeError, match="was removed or replaced"):
        recommender.partial_update(UPDATES[2])
    recommender.close_journal()
    assert_same_state(load(paths), twin.partial_update(UPDATES[0]).partial_update(UPDATES[1]))


def test_a_copy_of_the_process_may_not_write_to_the_journal(recommender, paths, monkeypatch):
    recommender.save_model(paths[0], journal=paths[1])
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        for use in (
            lambda: recommender.partial_update(UPDATES[0]),
            lambda: recommender.save_model(paths[0], journal=paths[1]),
        ):
            with pytest.raises(RuntimeError, match="belongs to the process that opened it"):
                use()
    recommender.partial_update(UPDATES[0]).close_journal()
    assert_same_state(load(paths), recommender)


#: What forks do, each at the end of its life in another way, before the first update and after it.
FORKS = """
    import os, signal, sys, warnings
    from journals import UPDATES
    from skautoseqrec import load_model

    warnings.simplefilter("ignore")  # of forks where there are threads
    recommender = load_model(sys.argv[1], journal=sys.argv[2])
    for update in UPDATES:
        for end in ("exit", "at once", "closed", "deleted"):
            child = os.fork()
            if child:
                assert os.waitpid(child, 0)[1] == 0, end
                continue
            for use, error in (
                (lambda: recommender.partial_update(update), RuntimeError),
                (lambda: load_model(sys.argv[1], journal=sys.argv[2]), BlockingIOError),
            ):
                try:
                    use()
                    os._exit(1)
                except error:
                    pass
            if end == "at once":
                os._exit(0)
            if end == "closed":
                recommender.close_journal()
            if end == "deleted":
                del recommender
            sys.exit()
        recommender.partial_update(update)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_that_ends_takes_nothing_from_the_journal(recommender, paths, states):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.close_journal()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKS), *map(str, paths)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    assert_same_state(load(paths), states[-1])


@pytest.mark.skipif(os.name == "nt", reason="a file that is open cannot be removed there")
@pytest.mark.parametrize("removed", ["file", "log", "both", "replaced"])
def test_a_journal_that_was_removed_takes_no_more_updates(removed, recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[1])
    twin.partial_update(UPDATES[1])
    if removed == "replaced":
        paths[1].with_name("copy").write_bytes(paths[1].read_bytes())
        paths[1].with_name("copy").replace(paths[1])
    if removed in ("file", "both"):
        paths[1].unlink()
    if removed in ("log", "both"):
        log_of(paths[1]).unlink()
    with pytest.raises(RuntimeError, match="was removed or replaced: save the model again"):
        recommender.partial_update(UPDATES[0])
    assert_same_state(recommender, twin)
    recommender.save_model(paths[0], journal=paths[1] if removed != "log" else paths[1].with_name("another"))
    recommender.partial_update(UPDATES[0]).close_journal()
    assert_same_state(load((paths[0], paths[1] if removed != "log" else paths[1].with_name("another"))), recommender)


def test_an_error_on_load_releases_the_journal(closed, paths, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(loading, "_replay", lambda *args: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            load(paths)
    load(paths)


@pytest.mark.skipif(os.name == "nt", reason="there are no such permissions")
def test_a_new_journal_has_the_permissions_that_the_umask_leaves(recommender, paths):
    before = os.umask(0o002)
    try:
        recommender.save_model(paths[0], journal=paths[1])
        recommender.partial_update(UPDATES[0])
    finally:
        os.umask(before)
    assert [oct(file.stat().st_mode & 0o777) for file in (paths[1], log_of(paths[1]))] == ["0o664", "0o664"]
