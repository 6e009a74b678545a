"""The log with titles that comes with the package."""

from __future__ import annotations

import csv
import gzip
import io
from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch

from ._frames import as_frame

DESCR = """\
MovieTweetings, a dense slice
-----------------------------

Ratings of films that people tweeted from IMDb in 2013: 16,621 events of 300 users and 1,486 films. The slice keeps the
1,500 films with the most events of a log of 100,000, then the 300 users with the most events among these
(benchmarks/slice_movie_tweetings.py). The rating itself is not in it: an event says that a user rated a film then.

Ids of items are IMDb's numbers, strings with leading zeros. Times are seconds since 1970.

Source: Simon Dooms, Toon De Pessemier and Luc Martens, "MovieTweetings: a Movie Rating Dataset Collected From Twitter",
CrowdRec at RecSys 2013, https://github.com/sidooms/MovieTweetings. Licence: MIT, below.

"""


def load_movie_tweetings() -> Bunch:
    """Load a small log of film ratings with titles and genres; it comes with the package.

    It has 16,621 events of 300 users and 1,486 films. People follow what is new in the cinema as well as their taste.

    Returns
    -------
    data : Bunch
        ``log``: a frame with columns user_id (int), item_id (str) and timestamp (int, seconds since 1970), in order of
        time. ``titles``: a frame with columns item_id, title and genres, which ``|`` separates. Frames are pandas,
        polars or pyarrow, the first that is installed, otherwise arrays of records. ``DESCR``, ``license``: text.

    Notes
    -----
    Source: Dooms, De Pessemier and Martens, "MovieTweetings: a Movie Rating Dataset Collected From Twitter", CrowdRec
    at RecSys 2013. MIT licence.

    Examples
    --------
    >>> from skautoseqrec.datasets import load_movie_tweetings
    >>> data = load_movie_tweetings()
    >>> data.log.shape, data.titles.shape
    ((16621, 3), (1486, 3))
    >>> data.titles["title"][0]
    'Metropolis (1927)'
    """
    users, items, times = _read("movie_tweetings.csv.gz")
    log = {"user_id": np.array(users, dtype=np.int64), "item_id": items, "timestamp": np.array(times, dtype=np.int64)}
    titles = dict(zip(("item_id", "title", "genres"), _read("movie_tweetings_titles.csv.gz"), strict=True))
    licence = (files(__package__) / "data" / "movie_tweetings_LICENSE.txt").read_text(encoding="utf-8")
    return Bunch(log=as_frame(log), titles=as_frame(titles), DESCR=DESCR + licence, license=licence)


def _read(name: str) -> list[list[str]]:
    """Return the columns of a csv file of the package, without its header."""
    content = gzip.decompress((files(__package__) / "data" / name).read_bytes()).decode("utf-8")
    _, *rows = csv.reader(io.StringIO(content, newline=""))
    return [list(column) for column in zip(*rows, strict=True)]
