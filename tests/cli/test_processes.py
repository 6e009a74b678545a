"""The command line as processes: pipes that break, interrupts, and what is not installed."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np

from skautoseqrec import load_model
from skautoseqrec.datasets import make_interactions

COMMAND = [sys.executable, "-m", "skautoseqrec"]


def hear_interrupts():
    """Undo what a shell does to what it starts in the background, the tests perhaps: its interrupts are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments, **pipes):
    command = [*COMMAND, *map(str, arguments)]
    pipes |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, **pipes, preexec_fn=hear_interrupts)
    watch = threading.Timer(120, process.kill)  # a test that waits for it fails, and does not wait for ever
    watch.daemon = True
    watch.start()
    return process


def beside(path):
    return sorted(other.name for other in path.parent.iterdir())


def test_a_reader_that_has_enough_ends_the_command_without_a_word(model, tmp_path):
    users = tmp_path / "users.txt"
    users.write_text("1\n" * 50_000)
    with start("recommend", model, "--users", users) as process:
        assert process.stdout.readline().startswith(b"user\trank")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_reader_that_is_gone_before_the_answer_ends_the_command_without_a_word(model):
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with start("info", model, env=buffered) as process:  # what it prints goes out at its end
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_an_interrupted_update_leaves_the_model_as_it_was(model):
    before, files = model.read_bytes(), beside(model)
    process = start("update", model, "-", "--names", "user,item,time", stdin=subprocess.PIPE)
    process.stdin.write(b"".join(b"1,50,%d\n" % second for second in range(900, 60_900)))
    process.stdin.flush()  # more is to come
    assert b"events added" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    err = process.stderr.read()  # while stdin stays open
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == b"Interrupted; nothing was saved."
    assert (model.read_bytes(), beside(model)) == (before, files)
    load_model(model)


def test_an_interrupted_fit_leaves_the_model_as_it_was(model, tmp_path):
    log = tmp_path / "log.csv"
    X = make_interactions(100, 60, 2000, random_state=0)
    np.savetxt(log, X, fmt="%d", delimiter=",", header="user,item,time", comments="")
    before, files = model.read_bytes(), beside(model)
    process = start("fit", log, "-o", model)
    assert b"epoch" in process.stderr.readline()  # the fit would keep this one
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err.strip().endswith(b"Interrupted; nothing was saved.")
    assert b"Traceback" not in err
    assert (model.read_bytes(), beside(model)) == (before, files)


def run_code(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_without_click_the_message_names_the_extra():
    done = run_code(
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'click' else find(name, *rest)\n"
        "from skautoseqrec.__main__ import main; main()"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The command line needs click: pip install click.\n"


def test_help_needs_no_torch():
    done = run_code(
        "import sys; sys.argv = ['skautoseqrec', '--help']\n"
        "from skautoseqrec.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "assert 'torch' not in sys.modules"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: skautoseqrec")
