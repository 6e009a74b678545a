"""Logs in text files: every way to write one, and no row lost, merged or misread."""

import gzip
import io
import json
import warnings
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import logs
from zstandard import ZstdCompressor

from skautoseqrec.datasets import load_interactions


def rows_of(path, **options):
    columns = load_interactions(path, **options).to_columns()
    return list(zip(*(column.tolist() for column in columns if column is not None), strict=True))


def written(folder, text, name="log.csv"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


WORDS = ("now", "today", "1_7", "NaT", "\uff11")
U = {"user": "u"}
ODD = {"time": "when", "user": "who", "item": "what"}
ROWS = [("ann", "007", 3), ("bob", "a b", 1)]


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("log.csv", "userId,movieId,timestamp\nann,007,3\nbob,a b,1\n", {}),
        ("log.csv.gz", "user,item,ts\r\nann,007,3\r\nbob,a b,1\r\n", {}),
        ("log.tsv", "ts\titem\tuser\n3\t007\tann\n1\ta b\tbob\n", {}),
        ("u.data", "ann\t007\t5\t3\nbob\ta b\t1\t1\n", {"sep": "\t", "names": ["user", "item", "rating", "timestamp"]}),
        ("ratings.dat", "ann::007::5::3\nbob::a b::4::1\n", {"sep": "::", "names": ["user", "movie", "stars", "time"]}),
        ("log.txt", "who;what;when\nann;007;3\nbob;a b;1\n", {"sep": ";", "columns": ODD}),
        ("log.jsonl", '{"ts": 3, "item": "007", "user": "ann"}\n\n{"user": "bob", "ts": 1, "item": "a b"}\n', {}),
        ("a.ndjson.gz", '{"ts": 3, "sku": "007", "u": "ann"}\n{"u": "bob", "ts": 1, "sku": "a b"}', {"columns": U}),
        ("log.csv", 'user,item,review,time\nann,007,"two\nlines, and ""quotes""",3\nbob,a b,,1\n', {}),
        ("log.csv", "user,item,time,\nann,007,3,\nbob,a b,1,\n", {}),
    ],
)  # fmt: skip
def test_every_way_to_write_a_log(tmp_path, name, text, options):
    assert rows_of(written(tmp_path, text, name), **options) == ROWS


@pytest.mark.parametrize(
    ("texts", "ids"),
    [
        (["17850.0", "-3.00"], [17850, -3]),
        (["17850.0", "12"], [17850, 12]),
        (["007.0", "1.0"], ["007.0", "1.0"]),
        (["1.5", "2.0"], ["1.5", "2.0"]),
        (["v1.0", "2.0"], ["v1.0", "2.0"]),
        (["1.0.0", "2"], ["1.0.0", "2"]),
        ([".0", "2"], [".0", "2"]),
    ],
)
def test_whole_floats_are_integers(tmp_path, texts, ids):
    rows = "".join(f"{text},x\n" for text in texts)
    assert [user for user, _ in rows_of(written(tmp_path, f"user,item\n{rows}"))] == ids


def test_parquet_without_what_reads_it_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "log.parquet"
    pd.DataFrame({"user": [1], "item": [2]}).to_parquet(path)
    monkeypatch.setattr("skautoseqrec.datasets._files._parquet_backend", lambda: "pandas")
    monkeypatch.setattr(pd, "read_parquet", lambda *_, **__: (_ for _ in ()).throw(ImportError("no engine")))
    with pytest.raises(ImportError, match="pip install pyarrow"):
        load_interactions(path)


@given(log=logs(kind="str"))
def test_json_lines_give_back_what_was_written(log, tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    events = (dict(zip(("user", "item", "time"), row, strict=False)) for row in log)
    path.write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
    assert rows_of(path) == [tuple(row) for row in log]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('user,item\nann,tea\nbob,"milk\ncid,jam\n', [("ann", "tea"), ("bob", '"milk'), ("cid", "jam")]),
        (
            'user,item,time\nann,"tea,1\nbob,milk,2\ncid,jam",3\n',
            [("ann", '"tea', 1), ("bob", "milk", 2), ("cid", 'jam"', 3)],
        ),
    ],
)
def test_a_stray_quote_swallows_no_rows(tmp_path, text, expected):
    with pytest.warns(UserWarning, match=r"Line [23] of 'log.csv' opens a quote that it does not close"):
        assert rows_of(written(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'user,item,title,time\nann,tea,"The "Best" film",3\nbob,jam,"A, B",4\n',
            [("ann", "tea", 3), ("bob", "jam", 4)],
        ),
        ('user,item,time\n"ann" ,tea,1\nbob,"m""lk",2\n', [('"ann" ', "tea", 1), ("bob", 'm"lk', 2)]),
    ],
)
def test_a_quote_inside_of_quotes_is_a_character(tmp_path, text, expected):
    with pytest.warns(UserWarning, match=r"Line 2 of 'log.csv' has a quote inside of quotes"):
        assert rows_of(written(tmp_path, text)) == expected


@pytest.mark.filterwarnings("ignore:There is no column 'timestamp':UserWarning")
def test_a_header_may_hold_a_field_that_is_longer_than_those_of_rows(tmp_path):
    assert rows_of(written(tmp_path, f'user,item,"{"x" * 200_000}\na,b,c\n')) == [("a", "b")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-06-01", "2024-06-01T00:00:00.000000"),
        ("2024-06-01 10:30", "2024-06-01T10:30:00.000000"),
        ("2024-06-01T10:30:05.25Z", "2024-06-01T10:30:05.250000"),
        ("2024-06-01T10:30:05 Z", "2024-06-01T10:30:05.000000"),
        ("2024-06-01T10:30:05+02:00", "2024-06-01T08:30:05.000000"),
        ("2024-06-01T10:30:05-0130", "2024-06-01T12:00:05.000000"),
        ("2024-06-01T10:30:05.123456789", "2024-06-01T10:30:05.123456789"),
    ],
)
def test_dates_are_read_in_utc(tmp_path, text, expected):
    times = load_interactions(written(tmp_path, f"user,item,time\na,b,{text}\n")).times
    assert str(times[0]) == expected
    assert times.dtype.kind == "M"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (f"user,item,time\na,b,{word}\n", f"'time' holds '{word}' in row 0")
            for word in ("now", "today", "1_7", "NaT", "2024-06-01T10:30:05-0560")
        ),
        ("user,item,time\na,b,1700000000\na,c,2024-06-01\n", "'2024-06-01' in row 1, beside '1700000000' in row 0"),
        ("user,item,time\na,b,2024-06-01\na,c,1700000000\n", "'1700000000' in row 1, beside '2024-06-01' in row 0"),
        ("user,item,time\na,b,2024-02-30\n", "'time' holds '2024-02-30', which is no date"),
        ("user,item,time\na,b,1400-02-20T00:00:00.0000001\n", "does not fit nanoseconds"),
        ("user\na\n", "is not clear"),
        (
            "user;item;time\na;b;1\n",
            "has no ',' in its first line, and has ';': say what stands between fields, sep=';'",
        ),
        ("1,2,3\n4,5,6\n", "begins with data"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        load_interactions(written(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("log.jsonl", b'{"user": 1}\n[2]\n', {}, r"Line 2 of 'log.jsonl' is \[2\], and no object"),
        ("log.jsonl", b'{"user": 1, "item": 2}\n{"user": 1\n', {}, "Line 2 of 'log.jsonl' is no JSON"),
        ("log.jsonl", b'{"user": 1, "item": 2}\n{"user": 1}\n', {}, "Row 1 of 'log.jsonl' has no 'item'"),
        ("log.jsonl", b"\n", {}, "'log.jsonl' is empty"),
        ("log.jsonl", b"", {"names": ["a"]}, "JSON lines have names"),
        ("log.csv", b"", {}, "'log.csv' is empty"),
        ("log.csv", "user,item\nä,b\n".encode("latin-1"), {}, "'log.csv' is no text in UTF-8"),
        ("log.csv.gz", gzip.compress(b"user,item\na,b\n", mtime=0)[:-9], {}, "'log.csv.gz' is cut off"),
        ("log.csv.gz", b"user,item\na,b\n", {}, "'log.csv.gz' is cut off, or not compressed as it says"),
        ("log.csv.zst", ZstdCompressor().compress(b"user,item\na,b\n")[:-2], {}, "'log.csv.zst' is cut off"),
        ("log.csv.zst", b"user,item\na,b\n", {}, "'log.csv.zst' is no zstandard file"),
        ("log.csv", b"user,item,time\na,b,1\n", {"decimal": "'"}, "decimal must be '.' or ','"),
        ("log.csv", b"user,item\na," + b"x" * 200_000, {}, "Line 2 of 'log.csv': field larger"),
        ("log.dat", b"a::b\n", {}, "no known type.*or say what stands between fields"),
        ("log.csv", b"user,item\na,b\n", {"sep": ""}, "sep must be a text"),
        ("log.csv", b"user,item\na,b\n", {"columns": {"user": "who"}}, "which the log has not"),
        ("log.parquet", b"", {"sep": ","}, "names, sep and time_format are for text files"),
    ],
)
def test_bad_files_are_refused_with_what_to_do(tmp_path, name, content, options, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_interactions(tmp_path / name, **options)


def test_times_of_two_units_in_a_file_are_noticed(tmp_path):
    path = written(tmp_path, "user,item,when\na,b,1700000000\na,c,1700000000000\n")
    with pytest.warns(UserWarning, match="Column 'when' looks like seconds since 1970"):
        assert np.array_equal(load_interactions(path, columns={"time": "when"}).times, [1700000000, 1700000000000])


RETAIL = "InvoiceDate,CustomerID,StockCode,Description\n12/1/2010 8:26,17850,85123A,\xc9CRIN\n12/1/2010 8:28,,71053,X\n"


@pytest.mark.filterwarnings("ignore:1 of 2 rows:UserWarning")
def test_a_form_of_dates_an_encoding_and_rows_that_lack_a_value(tmp_path):
    path = tmp_path / "retail.csv"
    path.write_bytes(RETAIL.encode("latin-1"))
    options = {"encoding": "latin-1", "time_format": "%m/%d/%Y %H:%M", "skip_missing": True}
    with pytest.warns(UserWarning, match=r"Rows of 'retail\.csv' that lack a value are left out: 1 of 2\."):
        log = load_interactions(path, **options)
    assert np.asarray(log).tolist() == [[17850, "85123A", datetime(2010, 12, 1, 8, 26)]]
    for left_out, message in [
        ("encoding", r"no text in UTF-8.* encoding='latin-1'"),
        ("time_format", r"time_format='%m/%d/%Y %H:%M' reads dates of another form"),
        ("skip_missing", r"missing value in row 1 of 'retail\.csv'\. skip_missing=True"),
    ]:
        others = {name: value for name, value in options.items() if name != left_out}
        with pytest.raises(ValueError, match=message):
            load_interactions(path, **others)


def test_a_form_with_a_zone_is_read_in_utc_and_another_form_is_refused(tmp_path):
    path = written(tmp_path, "user,item,time\nann,tea,2020-01-01T10:00+0200\n")
    assert rows_of(path, time_format="%Y-%m-%dT%H:%M%z") == [("ann", "tea", datetime(2020, 1, 1, 8))]
    with pytest.raises(ValueError, match=r"Column 'time' is not in the time_format '%d\.%m\.%Y'"):
        load_interactions(path, time_format="%d.%m.%Y")
    with pytest.raises(ValueError, match="There is no encoding 'utf-9'"):
        load_interactions(path, encoding="utf-9")


@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet"])
def test_rows_that_lack_a_value_are_left_out_of_files_of_any_kind(tmp_path, name):
    path = tmp_path / name
    rows = [{"user": "ann", "item": "tea", "time": 1}, {"user": None, "item": "jam", "time": 2}]
    if name == "log.parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert rows_of(path, skip_missing=True) == [("ann", "tea", 1)]
    with pytest.raises(ValueError, match="missing"):
        load_interactions(path)


def test_without_a_whole_row_nothing_is_read(tmp_path):
    with pytest.raises(ValueError, match="has no row of which nothing is missing"):
        load_interactions(written(tmp_path, "user,item\n,tea\n"), skip_missing=True)


def test_an_open_file_is_read_by_its_name():
    file = io.StringIO('{"user": "ann", "item": "007"}\n')
    file.name = "stream.jsonl"
    assert rows_of(file) == [("ann", "007")]


@pytest.mark.parametrize("n_frames", [1, 3])
def test_zstandard_files_are_read_whole(tmp_path, n_frames):
    lines = [f"u{row},i{row % 7},{row}\n".encode() for row in range(60_000)]
    parts = [b"user,item,time\n" + b"".join(lines[:20_000]), b"".join(lines[20_000:50_000]), b"".join(lines[50_000:])]
    frames = parts if n_frames == 3 else [b"".join(parts)]
    path = tmp_path / "log.csv.zst"
    path.write_bytes(b"".join(ZstdCompressor().compress(frame) for frame in frames))
    read = load_interactions(path)
    assert (len(read), read.times[-1]) == (60_000, 59_999)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"'log.csv.zst' is cut off"):
        load_interactions(path)


def test_without_zstandard_the_message_names_it(tmp_path, monkeypatch):
    path = tmp_path / "log.csv.zst"
    path.write_bytes(ZstdCompressor().compress(b"user,item\na,b\n"))
    monkeypatch.setattr("skautoseqrec._data.text_opening.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install zstandard"):
        load_interactions(path)


def test_times_with_decimal_commas(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user;item;time\nann;tea;5,25\nbob;jam;6,5\n")
    assert load_interactions(path, sep=";", decimal=",").times.tolist() == [5.25, 6.5]
    with pytest.raises(ValueError, match="one kind in the whole column"):
        load_interactions(path, sep=";")
