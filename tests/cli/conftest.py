import io
import sys

import pytest

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._cli.running import run


@pytest.fixture
def cli(capsys, monkeypatch):
    """Run a command in this process; returns exit code, stdout and stderr."""

    def called(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = run([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return called


def small_model(log):
    parameters = {"blend": {"direct": 1.0, "trend": (0, 0.1, 0, 0)}, "early_stopping": False}
    return AutoSeqRecRecommender(objective="closed_form", random_state=0, verbose=0, **parameters).fit(log)


@pytest.fixture(scope="session")
def saved_models(tmp_path_factory):
    """Two models: of users and items that are numbers, and that are text."""
    folder = tmp_path_factory.mktemp("models")
    numbers = [(user, 10 * (1 + (user + step) % 5), 100 * step + user) for step in range(3) for user in range(1, 9)]
    small_model(numbers).save_model(folder / "numbers.safetensors")
    texts = [(f"0{user}", f"tea {item}", time) for user, item, time in numbers]
    small_model(texts).save_model(folder / "texts.safetensors")
    return folder


@pytest.fixture
def model(saved_models, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((saved_models / "numbers.safetensors").read_bytes())
    return path


@pytest.fixture
def text_model(saved_models, tmp_path):
    path = tmp_path / "texts.safetensors"
    path.write_bytes((saved_models / "texts.safetensors").read_bytes())
    return path
