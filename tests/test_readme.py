"""What the README says can be pasted runs as it stands, and its figures show its tables."""

import csv
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

from skautoseqrec._cli.running import run
from skautoseqrec.datasets import make_interactions

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPT = ROOT / "benchmarks" / "draw_readme_figures.py"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def write_rows(path, rows, sep=",", encoding="utf-8"):
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=sep).writerows(rows)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with small files of the spellings that the README names; it is the current one."""
    events = make_interactions(n_users=20, n_items=30, n_events=300, random_state=0).tolist()
    rated = [(user + 190, item + 1, 4, 880_000_000 + 60 * time) for user, item, time in events]
    films = [(item, f"Film {item}, with a comma (1999)") for item in range(1, 31)]
    write_rows(tmp_path / "ratings.csv", [("userId", "movieId", "rating", "timestamp"), *rated])
    write_rows(tmp_path / "movies.csv", [("movieId", "title"), *films])
    write_rows(tmp_path / "u.data", rated, sep="\t")
    (tmp_path / "u.item").write_text("".join(f"{item}|Amélie {item}|x\n" for item, _ in films), encoding="latin-1")
    header = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
    invoices = [
        (
            time,
            22_000 + item,
            f"CRÈME {item}",
            1,
            f"{1 + time // 24 % 12}/{1 + time % 24}/2011 8:26",
            2.5,
            17_840 + user,
        )
        for user, item, time in events
    ]
    invoices.append((*invoices[0][:-1], ""))  # an invoice without a customer
    write_rows(tmp_path / "retail.csv", [header, *invoices], encoding="latin-1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore:1 of 301 rows", "ignore:The newest 10% of the log hold fewer than 50")
def test_python_blocks_run_one_after_the_other(files, capsys):
    namespace = {}
    printed = []
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)
        printed.append(capsys.readouterr().out)
    assert len(printed) == 4
    before, score, after = printed[0].splitlines()
    assert "'title': '" in before
    assert 0 < float(score) < 1
    assert before != after  # the update is seen
    for out, title in zip(printed[1:], ("with a comma (1999)", "Amélie ", "CRÈME "), strict=True):
        assert out.count(title) == 10


def test_commands_run_one_after_the_other(files, capsys):
    commands = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("skautoseqrec ")]
    assert len(commands) == 6
    for command, title in zip(commands, ("", "with a comma", "", "Amélie ", "", "CRÈME "), strict=True):
        assert run(shlex.split(command)[1:]) == 0, capsys.readouterr().err
        out = capsys.readouterr().out
        assert not title or out.count(title) == 10


def test_examples_of_python_are_short():
    ten_lines, *files = blocks("python")
    assert len([line for line in ten_lines.splitlines() if not line.startswith("from") and line]) <= 10
    assert all(len([line for line in block.splitlines() if line]) <= 4 for block in files)


def test_paths_in_the_readme_exist():
    paths = re.findall(r"\]\((?!http)([^)#]+)\)", README) + re.findall(r"(?:examples|benchmarks)/\w+\.py", README)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.fixture(scope="module")
def figures():
    spec = importlib.util.spec_from_file_location("draw_readme_figures", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("draw_readme_figures", None)


def labels_in(path):
    """The numbers beside the bars of a figure: their text begins with a thin space."""
    return sorted(re.findall(r">\u2009([\d.,]+)<", path.read_text(encoding="utf-8")))


def test_figures_in_the_repository_show_the_tables(figures, tmp_path, monkeypatch):
    # Whoever changes a table draws the figures again.
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--folder", str(tmp_path)])
    figures.main()
    for name, n_labels in (("accuracy.svg", 39), ("cost.svg", 8)):
        labels = labels_in(ROOT / "docs" / "images" / name)
        assert labels == labels_in(tmp_path / name)
        assert len(labels) == n_labels


def test_figures_read_what_the_tables_hold(figures):
    logs, accuracy = figures.read_accuracy(README)
    assert [log.split(",")[0] for log in logs] == ["MovieLens-100K", "Amazon Garden", "Amazon Video", "MovieLens-1M"]
    assert accuracy["this package"][0] == (0.113, 0.244)  # bold in the table
    assert accuracy["this package"][3] == (0.139, 0.291)
    assert accuracy["AutoSeqRec as published"] == [(0.068, 0.151), None, None, None]
    assert figures.read_costs(README)[1]["evaluating, beside SASRec"] == [89, 37]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("| model |", "| models |", "no table"),
        ("| SASRec, full softmax |", "| Caser |", "Caser"),
        ("times as fast as SASRec of", "times the speed of SASRec of", "0 rows"),
    ],
)
def test_a_changed_table_is_an_error_and_no_empty_figure(figures, before, after, message):
    changed = README.replace(before, after)
    assert changed != README
    with pytest.raises(ValueError, match=message):
        figures.read_accuracy(changed), figures.read_costs(changed)
