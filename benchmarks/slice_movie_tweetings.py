"""Cut the small log of ``skautoseqrec.datasets.load_movie_tweetings`` out of MovieTweetings.

The most popular movies, then the users with the most events among these, in order of time. The result depends on
nothing but the two files, whose columns are user_id, item_id, timestamp and item, title, genres.

    python benchmarks/slice_movie_tweetings.py movietweetings.csv.gz movietweetings-items.csv.gz
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

DEFAULT_FOLDER = Path(__file__).parents[1] / "skautoseqrec" / "datasets" / "data"


def read(path: Path) -> list[list[str]]:
    """Return the rows of a csv file below its header."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def most_frequent(values: Iterable[str], n: int) -> set[str]:
    """Return the most frequent values; of equally frequent ones, those that are first in the alphabet."""
    return {value for value, _ in sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))[:n]}


def write(path: Path, header: list[str], rows: Iterable[list[str]]) -> None:
    """Write a csv file whose bytes depend on the rows alone: no name and no time is in it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))
    print(f"{path.name}: {path.stat().st_size} bytes")


def main() -> None:
    """Read the two files, cut and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("titles", type=Path)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--movies", type=int, default=1500)
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER)
    options = parser.parse_args()
    log = read(options.log)
    movies = most_frequent((row[1] for row in log), options.movies)
    log = [row for row in log if row[1] in movies]
    users = most_frequent((row[0] for row in log), options.users)
    log = sorted((row for row in log if row[0] in users), key=lambda row: int(row[2]))
    met = {row[1] for row in log}
    print(f"{len(log)} events, {len({row[0] for row in log})} users, {len(met)} movies")
    write(options.folder / "movie_tweetings.csv.gz", ["user_id", "item_id", "timestamp"], log)
    titles = sorted(row for row in read(options.titles) if row[0] in met)
    write(options.folder / "movie_tweetings_titles.csv.gz", ["item_id", "title", "genres"], titles)


if __name__ == "__main__":
    main()
