"""Data sets as their publishers serve them: whole, damaged, cut off, to several at a time, or not at all."""

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime

import pytest
from archives import MOVIELENS_FILES, README, movielens_archive, publisher, retail_archive

from skautoseqrec._data.reading import read_columns
from skautoseqrec.datasets import _fetching, _frames, fetch_movielens, fetch_online_retail


@pytest.fixture
def served(monkeypatch):
    """Let all variants be published by a server on this machine."""
    with publisher() as published:
        for variant, source in _fetching.MOVIELENS.items():
            monkeypatch.setitem(_fetching.MOVIELENS, variant, published.publish(source, movielens_archive(variant)))
        monkeypatch.setattr(_fetching, "ONLINE_RETAIL", published.publish(_fetching.ONLINE_RETAIL, retail_archive()))
        yield published


def left_in(folder):
    return sorted(path.name for path in (folder / "skautoseqrec").iterdir() if path.suffix != ".lock")


def test_addresses_are_those_of_the_publishers():
    for variant, source in _fetching.MOVIELENS.items():
        assert source.url == f"https://files.grouplens.org/datasets/movielens/ml-{variant}.zip"
    assert _fetching.ONLINE_RETAIL.url.startswith("https://archive.ics.uci.edu/")
    assert set(_fetching.MOVIELENS) == set(_fetching.MEMBERS) == set(MOVIELENS_FILES)


@pytest.mark.parametrize(
    ("variant", "ratings", "titles", "genres"),
    [
        ("100k", [(196, 242, 3, 881250949), (186, 302, 3, 891717742), (196, 302, 1, 881250950)],
         {242: "Kolya (1996)", 302: "L\xe9on\x85 (1994)", 267: "unknown"}, ["Drama", "Action|Drama", ""]),
        ("1m", [(1, 1193, 5, 978300760), (1, 661, 3, 978302109), (2, 1193, 4, 978298413)],
         {661: "James and the Giant Peach (1996)", 1193: "L\xe9on (1994)"}, ["Animation|Children's", "Drama"]),
        ("latest-small", [(1, 1, 4, 964982703), (1, 11, 0.5, 964981247), (2, 1, 3.5, 964983815)],
         {1: "American President, The (1995)", 11: "\u00c0 bout (1960)"}, ["Comedy|Drama", ""]),
        ("32m", [(1, 1, 4, 964982703), (1, 11, 0.5, 964981247), (2, 1, 3.5, 964983815)],
         {1: "American President, The (1995)", 11: "\u00c0 bout (1960)"}, ["Comedy|Drama", ""]),
    ],
)  # fmt: skip
def test_movielens(served, tmp_path, variant, ratings, titles, genres):
    data = fetch_movielens(variant, data_home=tmp_path)
    assert list(data.log) == ["user_id", "item_id", "rating", "timestamp"]
    assert list(data.log.itertuples(index=False, name=None)) == ratings
    assert dict(zip(data.titles["item_id"], data.titles["title"], strict=True)) == titles
    assert data.titles["genres"].tolist() == genres
    assert README in data.DESCR
    assert "no redistribution" in data.license
    assert read_columns(data.log).times.tolist() == [row[3] for row in ratings]


def test_online_retail(served, tmp_path):
    data = fetch_online_retail(data_home=tmp_path)
    early, late = datetime(2010, 12, 1, 8, 26), datetime(2010, 12, 1, 9)
    assert list(data.log.itertuples(index=False, name=None)) == [
        (17850, "85123A", early, 6), (17850, "71053", early, 6), (13047, "85123A", late, 2),
        (13047, "71053", late.replace(minute=1), 1),
    ]  # fmt: skip
    assert data.titles.to_dict("list") == {
        "item_id": ["85123A", "71053"],
        "title": ["WHITE HOLDER", "WHITE METAL LANTERN"],
    }
    assert "CC BY 4.0" in data.license
    assert read_columns(data.log).item_ids.tolist() == ["85123A", "71053", "85123A", "71053"]


def test_what_was_fetched_is_not_fetched_again(served, tmp_path):
    for variant in ("100k", "latest-small"):
        fetch_movielens(variant, data_home=tmp_path)
    served.files.clear()
    for variant in ("100k", "latest-small"):
        assert len(fetch_movielens(variant, data_home=tmp_path, download_if_missing=False).log) == 3
    assert served.asked == ["/ml-100k.zip", "/ml-latest-small.zip.md5", "/ml-latest-small.zip"]


def test_scikit_learns_variable_says_where_files_are_kept(served, tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "elsewhere"))
    fetch_movielens("1m")
    assert left_in(tmp_path / "elsewhere") == ["ml-1m.zip"]


def test_another_checksum_is_refused_and_nothing_is_kept(served, tmp_path):
    served.files["/ml-1m.zip"] = movielens_archive("100k")
    with pytest.raises(OSError, match=r"ml-1m\.zip could not be fetched: .*hash.* Nothing of it was kept") as info:
        fetch_movielens("1m", data_home=tmp_path, n_retries=0)
    assert str(tmp_path / "skautoseqrec" / "ml-1m.zip") in str(info.value)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("text", [b"<html>not here</html>", b"0" * 32 + b"  ml-latest-small.zip"])
def test_a_published_checksum_that_is_none_or_another_is_refused(served, tmp_path, text):
    served.files["/ml-latest-small.zip.md5"] = text
    with pytest.raises(OSError, match=r"could not be fetched: .*(holds no checksum|hash)"):
        fetch_movielens("latest-small", data_home=tmp_path, n_retries=0)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("variant", ["100k", "latest-small"])
def test_a_cut_connection_leaves_nothing_and_is_tried_again(served, tmp_path, variant):
    served.cut = True
    with pytest.raises(OSError, match="could not be fetched"):
        fetch_movielens(variant, data_home=tmp_path, n_retries=1)
    assert served.asked.count(f"/ml-{variant}.zip") == 2
    assert left_in(tmp_path) == []
    served.cut = False
    assert len(fetch_movielens(variant, data_home=tmp_path).log) == 3


def test_a_damaged_file_is_fetched_anew(served, tmp_path):
    fetch_movielens("100k", data_home=tmp_path)
    path = tmp_path / "skautoseqrec" / "ml-100k.zip"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OSError, match="is damaged, or not the version that is known"):
        fetch_movielens("100k", data_home=tmp_path, download_if_missing=False)
    assert len(fetch_movielens("100k", data_home=tmp_path).log) == 3
    assert served.asked == ["/ml-100k.zip"] * 2


def test_without_a_network_the_message_says_what_can_be_done(tmp_path, monkeypatch):
    gone = replace(_fetching.MOVIELENS["100k"], url="http://127.0.0.1:9/ml-100k.zip")
    monkeypatch.setitem(_fetching.MOVIELENS, "100k", gone)
    with pytest.raises(OSError, match=r"Without a network, download it elsewhere and put it at .*ml-100k\.zip"):
        fetch_movielens("100k", data_home=tmp_path, n_retries=0)
    with pytest.raises(OSError, match=r"is not there, and download_if_missing=False"):
        fetch_movielens("100k", data_home=tmp_path, download_if_missing=False)


@pytest.mark.parametrize(("module", "call"), [("pooch", fetch_movielens), ("python_calamine", fetch_online_retail)])
def test_without_a_package_the_message_names_it(served, tmp_path, monkeypatch, module, call):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"needs {module.replace('_', '-')}: pip install {module.replace('_', '-')}"):
        call(data_home=tmp_path)


def test_a_file_put_there_by_hand_needs_no_pooch(served, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    (tmp_path / "skautoseqrec").mkdir()
    for name in ("ml-100k.zip", "ml-latest-small.zip", "ml-latest-small.zip.md5"):
        (tmp_path / "skautoseqrec" / name).write_bytes(served.files[f"/{name}"])
    assert len(fetch_movielens("100k", data_home=tmp_path).log) == 3
    assert len(fetch_movielens("latest-small", data_home=tmp_path).log) == 3


CHILD = """
import sys
from dataclasses import replace
from skautoseqrec.datasets import _fetching, fetch_movielens
url, checksum, folder = sys.argv[1:]
source = _fetching.MOVIELENS["1m"]
_fetching.MOVIELENS["1m"] = replace(source, url=url, checksum=checksum)
print("ready", flush=True)
print(len(fetch_movielens("1m", data_home=folder).log))
"""


def test_two_processes_fetch_once(served, tmp_path):
    source = _fetching.MOVIELENS["1m"]
    served.delay.clear()
    command = [sys.executable, "-c", CHILD, source.url, source.checksum, str(tmp_path)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [child.stdout.readline().strip() for child in children] == ["ready", "ready"]
    threading.Timer(1, served.delay.set).start()
    assert [child.communicate(timeout=60)[0].strip() for child in children] == ["3", "3"]
    assert served.asked == ["/ml-1m.zip"]
    assert left_in(tmp_path) == ["ml-1m.zip"]


def test_variants_that_are_not_known_are_refused():
    with pytest.raises(ValueError, match=r"variant must be one of '100k', '1m', 'latest-small', '32m', not '10m'"):
        fetch_movielens("10m")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", None])
def test_frames_are_of_the_first_library_that_is_installed(served, tmp_path, monkeypatch, library):
    installed = _frames.LIBRARIES[_frames.LIBRARIES.index(library) :] if library else ()
    monkeypatch.setattr(_frames, "find_spec", lambda name: name in installed or None)
    for data in (fetch_movielens("100k", data_home=tmp_path), fetch_online_retail(data_home=tmp_path)):
        assert type(data.log).__module__.split(".")[0] == (library or "numpy")
        columns = read_columns(data.log)
        assert len(columns.user_ids) == len(columns.times)
        assert columns.item_ids.dtype.kind in "iO"
