"""Titles of items in files as they come."""

import gzip

import pytest
from archives import MOVIELENS_FILES

from skautoseqrec.datasets import load_titles


def written(folder, name, text, encoding="utf-8"):
    path = folder / name
    content = text.encode(encoding)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize(
    ("variant", "name", "encoding", "titles"),
    [
        ("100k", "u.item", "latin-1", {242: "Kolya (1996)", 302: "L\xe9on\x85 (1994)", 267: "unknown"}),
        ("1m", "movies.dat", "latin-1", {661: "James and the Giant Peach (1996)", 1193: "L\xe9on (1994)"}),
        ("32m", "movies.csv", "utf-8", {1: "American President, The (1995)", 11: "\u00c0 bout (1960)"}),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_tables_of_films_as_they_are_published(tmp_path, variant, name, encoding, titles, suffix):
    path = written(tmp_path, name + suffix, MOVIELENS_FILES[variant][name], encoding)
    assert load_titles(path) == titles


@pytest.mark.parametrize(
    ("name", "text", "options", "titles"),
    [
        ("shop.csv", "InvoiceNo,StockCode,Description\n1,85123A,OLD\n2,71053,LAMP\n3,85123A,NEW\n4,85123A,\n", {},
         {"85123A": "NEW", "71053": "LAMP"}),
        ("items.tsv", "name\titem_id\nTea \"green\"\t007\n", {}, {"007": 'Tea "green"'}),
        ("items.txt", "tea;Green tea\njam;Plum jam\n", {}, {"tea": "Green tea", "jam": "Plum jam"}),
        ("items.csv", "code,kind,says\n7,x,Tea\n", {"item": "code", "title": "says"}, {7: "Tea"}),
        ("items.txt", "1,Tea\n\n2\n3,Jam\n", {}, {1: "Tea", 3: "Jam"}),
        ("items.txt", '7|"Til There Was You (1997)\n8|B\n', {}, {7: '"Til There Was You (1997)', 8: "B"}),
        ("items.csv", "\ufeffitem,title\r\n1,Tea\r\n", {}, {1: "Tea"}),
        ("items.dat", "1~Tea\n", {"sep": "~"}, {1: "Tea"}),
        ("items.csv", "item;title\n1;Tea, green\n", {}, {1: "Tea, green"}),
        ("items.csv", "sku,item_id,name,title\nx,1,n,Tea\n", {}, {1: "Tea"}),
        ("items.csv", 'item,title\n1,"Tea\nwith milk"\n2,Jam\n', {}, {1: "Tea\nwith milk", 2: "Jam"}),
    ],
)  # fmt: skip
def test_tables_of_ones_own(tmp_path, name, text, options, titles):
    assert load_titles(written(tmp_path, name, text), **options) == titles


@pytest.mark.parametrize(
    ("name", "text"),
    [("items.csv", 'item,title\n1,"Tea\n2,Milk\n3,Jam\n'), ("items.tsv", '1\t"Tea\n2\tMilk\n3\tJam\n')],
)
def test_a_quote_that_is_not_closed_swallows_no_titles(tmp_path, name, text):
    with pytest.warns(UserWarning, match="opens a quote that it does not close"):
        assert load_titles(written(tmp_path, name, text)) == {1: '"Tea', 2: "Milk", 3: "Jam"}


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, r"'items\.csv' has no two columns"),
        ("tea\njam\n", {}, r"has no two columns with ',' between them"),
        ("item,says\n1,Tea\n", {}, r"which hold the item and its title is not clear: name them"),
        ("what,title\n1,Tea\n", {}, r"which hold the item and its title is not clear: name them"),
        ("item,title\n1,Tea\n", {"title": "name"}, r"has no column 'name'; it has \['item', 'title'\]"),
    ],
)
def test_what_is_no_table_of_titles_is_refused(tmp_path, text, options, message):
    with pytest.raises(ValueError, match=message):
        load_titles(written(tmp_path, "items.csv", text), **options)


def test_an_encoding_that_is_given_is_taken(tmp_path):
    path = written(tmp_path, "items.csv", "item,title\n1,\u010caj\n", "cp1250")
    assert load_titles(path, encoding="cp1250") == {1: "\u010caj"}
