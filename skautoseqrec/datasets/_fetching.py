"""Public logs with titles, fetched from their publishers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from os import PathLike
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from ._downloads import Source, fetch
from ._frames import as_frame

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
#: The archives of MovieLens, by variant. GroupLens publishes their checksums beside them; "latest-small" changes.
MOVIELENS = {
    "100k": Source(f"{GROUPLENS}/ml-100k.zip", "ml-100k.zip", "md5:0e33842e24a9c977be4e0107933c0723"),
    "1m": Source(f"{GROUPLENS}/ml-1m.zip", "ml-1m.zip", "md5:c4d9eecfca2ab87c1945afe126590906"),
    "latest-small": Source(f"{GROUPLENS}/ml-latest-small.zip", "ml-latest-small.zip", None),
    "32m": Source(f"{GROUPLENS}/ml-32m.zip", "ml-32m.zip", "md5:d472be332d4daa821edc399621853b57"),
}
#: Where the archive of a variant has its README, ratings and films.
MEMBERS = {
    "100k": ("README", "u.data", "u.item"),
    "1m": ("README", "ratings.dat", "movies.dat"),
    "latest-small": ("README.txt", "ratings.csv", "movies.csv"),
    "32m": ("README.txt", "ratings.csv", "movies.csv"),
}
ONLINE_RETAIL = Source(
    "https://archive.ics.uci.edu/static/public/352/online+retail.zip",
    "online_retail.zip",
    "sha256:f5385cbb54bbebf7196389109c6b0621faab0c304e3702548165e71c84aede8b",
)
RATING = np.dtype([("user_id", np.int64), ("item_id", np.int64), ("rating", np.float64), ("timestamp", np.int64)])
MOVIELENS_LICENSE = (
    "GroupLens: research use, no redistribution without permission, no commercial use without permission, and citing "
    "F. M. Harper and J. A. Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015. The terms stand "
    "in DESCR and on https://grouplens.org/datasets/movielens/."
)
ONLINE_RETAIL_LICENSE = "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"
ONLINE_RETAIL_DESCR = """\
Online Retail
-------------

What a British shop for gifts sold from December 2010 to December 2011. Many of its customers are wholesalers. One event
is one line of an invoice. Lines without a customer and cancelled ones (a quantity below 1) are left out. Codes that are
no products, such as POST for postage, are not.

Source: Daqing Chen, Online Retail, UCI Machine Learning Repository, 2015, https://doi.org/10.24432/C5BW33.
Licence: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/.
"""


def fetch_movielens(
    variant: str = "100k",
    *,
    data_home: str | PathLike[str] | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
) -> Bunch:
    """Fetch a MovieLens log from GroupLens, with titles and genres of the films.

    The archive is downloaded once, checked, and kept in scikit-learn's data folder. Downloading needs pooch
    (``pip install pooch``).

    Parameters
    ----------
    variant : {"100k", "1m", "latest-small", "32m"}, default="100k"
        How many ratings. "latest-small" has about 100,000, and GroupLens changes it from time to time; what was fetched
        once stays. "32m" is an archive of 239 MB and takes several GB of memory.
    data_home : str, path or None, default=None
        The data folder; None takes that of scikit-learn: ``SCIKIT_LEARN_DATA``, or ``~/scikit_learn_data``. Files are
        in its folder ``skautoseqrec``.
    download_if_missing : bool, default=True
        Whether to download the archive if it is not there; otherwise that is an error.
    n_retries : int, default=3
        How often a download that fails is tried again; at least 0.

    Returns
    -------
    data : Bunch
        ``log``: a frame with columns user_id, item_id, rating and timestamp (seconds since 1970), rows as published.
        ``titles``: a frame with columns item_id, title and genres, which ``|`` separates. Frames are pandas, polars or
        pyarrow, the first that is installed, otherwise arrays of records. ``DESCR``: the publisher's description, with
        the terms of use. ``license``: these in short.

    Raises
    ------
    ValueError
        If the variant is not known.
    OSError
        If the archive is not there and may not or cannot be downloaded, or has another checksum.
    ImportError
        If pooch is needed and not installed.

    Notes
    -----
    Without permission, GroupLens allows neither to redistribute these data nor to use them commercially: see ``DESCR``.

    Examples
    --------
    >>> from skautoseqrec.datasets import fetch_movielens
    >>> data = fetch_movielens("100k")  # doctest: +SKIP
    >>> data.log.shape  # doctest: +SKIP
    (100000, 4)
    """
    if not isinstance(variant, str) or variant not in MOVIELENS:
        raise ValueError(f"variant must be one of {', '.join(map(repr, MOVIELENS))}, not {variant!r}.")
    source = MOVIELENS[variant]
    path = fetch(source, data_home, download_if_missing=download_if_missing, n_retries=n_retries)
    with ZipFile(path) as archive:
        readme, ratings, films = (f"ml-{variant}/{name}" for name in MEMBERS[variant])
        description = archive.read(readme).decode("utf-8", "replace")
        log = _read_ratings(archive, ratings)
        titles = _read_films(archive, films)
    return Bunch(
        log=as_frame({name: np.ascontiguousarray(log[name]) for name in RATING.names or ()}),
        titles=as_frame(titles),
        DESCR=f"MovieLens {variant}, from {source.url}\n\n{description}",
        license=MOVIELENS_LICENSE,
    )


def fetch_online_retail(
    *, data_home: str | PathLike[str] | None = None, download_if_missing: bool = True, n_retries: int = 3
) -> Bunch:
    """Fetch the log of a British shop, Online Retail, from the UCI Machine Learning Repository.

    One event is one line of an invoice, so people take many items at one time: fits take them as baskets. Lines without
    a customer and cancelled ones are left out. Reading the workbook needs python-calamine, and downloading it pooch
    (``pip install python-calamine pooch``).

    Parameters
    ----------
    data_home : str, path or None, default=None
        The data folder; None takes that of scikit-learn: ``SCIKIT_LEARN_DATA``, or ``~/scikit_learn_data``. Files are
        in its folder ``skautoseqrec``.
    download_if_missing : bool, default=True
        Whether to download the archive if it is not there; otherwise that is an error.
    n_retries : int, default=3
        How often a download that fails is tried again; at least 0.

    Returns
    -------
    data : Bunch
        ``log``: a frame with columns user_id (int), item_id (str), timestamp (datetime) and quantity, in the
        publisher's order. ``titles``: a frame with columns item_id and title, the newest description of each item.
        Frames as in :func:`fetch_movielens`. ``DESCR``, ``license``: text.

    Raises
    ------
    OSError, ImportError
        As :func:`fetch_movielens`.

    Notes
    -----
    Source: Daqing Chen, Online Retail, 2015, https://doi.org/10.24432/C5BW33. CC BY 4.0.

    Examples
    --------
    >>> from skautoseqrec.datasets import fetch_online_retail
    >>> data = fetch_online_retail()  # doctest: +SKIP
    >>> list(data.log)  # doctest: +SKIP
    ['user_id', 'item_id', 'timestamp', 'quantity']
    """
    path = fetch(ONLINE_RETAIL, data_home, download_if_missing=download_if_missing, n_retries=n_retries)
    with ZipFile(path) as archive:
        lines, titles = _read_invoices(archive.read("Online Retail.xlsx"))
    users, items, times, quantities = zip(*lines, strict=True)
    log = {
        "user_id": np.array(users, dtype=np.int64),
        "item_id": list(items),
        "timestamp": np.array(times, dtype="datetime64[us]"),
        "quantity": np.array(quantities, dtype=np.int64),
    }
    table = {"item_id": list(titles), "title": list(titles.values())}
    return Bunch(log=as_frame(log), titles=as_frame(table), DESCR=ONLINE_RETAIL_DESCR, license=ONLINE_RETAIL_LICENSE)


def _read_ratings(archive: ZipFile, name: str) -> NDArray[Any]:
    """Return the ratings of a MovieLens archive as records."""
    with archive.open(name) as file:
        lines: Iterable[str] = io.TextIOWrapper(file, encoding="ascii")
        if name.endswith(".dat"):
            lines = (line.replace("::", "\t") for line in lines)
        is_csv = name.endswith(".csv")
        return np.loadtxt(lines, dtype=RATING, delimiter="," if is_csv else "\t", skiprows=int(is_csv))


def _read_films(archive: ZipFile, name: str) -> dict[str, Any]:
    """Return the films of a MovieLens archive as columns."""
    is_csv = name.endswith(".csv")
    text = archive.read(name).decode("utf-8" if is_csv else "latin-1")
    rows: Iterable[tuple[str, str, str]]
    if is_csv:
        rows = ((row[0], row[1], row[2]) for row in list(csv.reader(io.StringIO(text, newline="")))[1:])
    elif name.endswith(".dat"):
        rows = ((row[0], row[1], row[2]) for row in (line.split("::") for line in _lines(text)))
    else:
        rows = _flagged_genres(archive, text)
    items, titles, genres = zip(*rows, strict=True)
    known_genres = ["" if value == "(no genres listed)" else value for value in genres]
    return {"item_id": np.array(items, dtype=np.int64), "title": list(titles), "genres": known_genres}


def _flagged_genres(archive: ZipFile, text: str) -> Iterator[tuple[str, str, str]]:
    """Yield id, title and genres of the films of MovieLens-100K, which has one column of 0 and 1 for each genre."""
    names = [line.split("|")[0] for line in _lines(archive.read("ml-100k/u.genre").decode("latin-1"))]
    for line in _lines(text):
        item, title, _, _, _, *flags = line.split("|")
        has = [name for name, flag in zip(names, flags, strict=True) if flag == "1" and name != "unknown"]
        yield item, title, "|".join(has)


def _lines(text: str) -> list[str]:
    """Return the lines that are not empty; ``splitlines`` would split at characters of latin-1, too."""
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


def _read_invoices(workbook: bytes) -> tuple[list[tuple[int, str, datetime, int]], dict[str, str]]:
    """Return customer, item, time and quantity of each line that somebody bought, and the titles of these items."""
    try:
        from python_calamine import CalamineWorkbook
    except ImportError as error:
        raise ImportError("Reading a workbook needs python-calamine: pip install python-calamine.") from error
    header, *rows = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_index(0).to_python()
    wanted = ("CustomerID", "StockCode", "InvoiceDate", "Quantity", "Description")
    places = [header.index(name) for name in wanted]
    lines: list[tuple[int, str, datetime, int]] = []
    titles: dict[str, str] = {}
    for row in rows:
        values: list[Any] = [row[place] for place in places]
        customer, item, time, quantity, title = values
        if customer == "" or quantity < 1:
            continue
        code = str(int(item)) if isinstance(item, float) else str(item)
        lines.append((int(customer), code, time, int(quantity)))
        titles[code] = str(title).strip() or titles.get(code, "")
    return lines, titles
