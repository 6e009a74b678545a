"""What the examples share reads a log of one's own, and every example takes it."""

import importlib.util
import re
from pathlib import Path

import pandas as pd
import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture(scope="module")
def shared():
    spec = importlib.util.spec_from_file_location("example_options", EXAMPLES / "shared" / "options.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(shared, *arguments):
    return shared.read_data(shared.option_parser("An example.").parse_args([str(argument) for argument in arguments]))


def test_a_log_comes_in_order_of_time_with_titles(shared, tmp_path):
    (tmp_path / "log.txt").write_text("ann;007;3/1/2011 8:00\nbob;008;2/1/2011 9:00\n")
    (tmp_path / "items.csv").write_text("item,title\n007,Tea\n")
    form = ["--sep", ";", "--names", "who,what,when", "--user", "who", "--item", "what", "--time", "when"]
    titles = ["--titles", tmp_path / "items.csv", "--time-format", "%m/%d/%Y %H:%M"]
    data = read(shared, "--data", tmp_path / "log.txt", *form, *titles)
    assert data.log["user_id"].tolist() == ["bob", "ann"]
    assert data.log["item_id"].tolist() == ["008", "007"]
    assert data.log["timestamp"].tolist() == [pd.Timestamp("2011-02-01 09:00"), pd.Timestamp("2011-03-01 08:00")]
    assert dict(zip(data.titles["item_id"], data.titles["title"], strict=True)) == {"007": "Tea", "008": "008"}


def test_a_log_without_times_keeps_its_order(shared, tmp_path):
    (tmp_path / "log.tsv").write_text("user\titem\n2\t5\n1\t6\n2\t6\n")
    data = read(shared, "--data", tmp_path / "log.tsv")
    assert [*map(tuple, data.log.itertuples(index=False))] == [(2, 5), (1, 6), (2, 6)]
    assert data.titles["title"].tolist() == ["5", "6"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("plot_*.py")), ids=lambda path: path.stem)
def test_every_example_takes_a_log_and_a_place_for_its_figure(path):
    text = path.read_text(encoding="utf-8")
    assert re.search(r"option_parser\(", text)
    assert "read_data(options)" in text
    assert re.search(r"show_figure\(\w+, options\.figure\)|options\.figure is not None", text)
    title, line = text.splitlines()[1:3]
    assert line == "=" * len(title)
