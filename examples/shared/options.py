"""What all examples share: options for a log of one's own, and where the figure goes."""

from __future__ import annotations

import argparse
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.utils import Bunch

from skautoseqrec.datasets import load_interactions, load_titles

SEPARATORS = {"tab": "\t", "\\t": "\t"}


def option_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser of the options that all examples have; an example adds its own.

    Parameters
    ----------
    description : str
        What the example does, in one sentence.

    Returns
    -------
    parser : ArgumentParser
        Its options describe a log in a file, the titles of its items, and where the figure goes.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", metavar="FILE", help="a log of your own: csv, tsv, JSON lines or parquet")
    parser.add_argument("--titles", metavar="FILE", help="table with the titles of its items")
    for kind in ("user", "item", "time"):
        parser.add_argument(f"--{kind}", metavar="NAME", help=f"column of the {kind}s, if its name is not a usual one")
    parser.add_argument("--sep", metavar="TEXT", help="what stands between fields: ';', '::', tab")
    parser.add_argument("--names", metavar="A,B,...", help="names of all columns of a file without a header line")
    parser.add_argument("--encoding", default="utf-8", help="how the file spells characters (default: utf-8)")
    parser.add_argument("--time-format", metavar="FORM", help="how dates are spelled: '%%m/%%d/%%Y %%H:%%M', say")
    parser.add_argument("--skip-missing", action="store_true", help="leave out rows that lack a value")
    parser.add_argument("--figure", metavar="FILE", help="where to save the figure (default: show it)")
    return parser


def read_data(options: argparse.Namespace) -> Bunch:
    """Read the log that ``--data`` names, in the form of ``load_movie_tweetings``.

    Parameters
    ----------
    options : Namespace
        What the parser returned.

    Returns
    -------
    data : Bunch
        ``log``: a frame with columns user_id, item_id and, if the file has times, timestamp, in order of time. Also
        event, where an example has the option ``--event``.
        ``titles``: a frame with columns item_id and title; without ``--titles`` the title of an item is its id.
    """
    columns = {kind: getattr(options, kind, None) for kind in ("user", "item", "time", "event")}
    log = load_interactions(
        options.data,
        columns={kind: name for kind, name in columns.items() if name is not None},
        names=options.names.split(",") if options.names else None,
        sep=SEPARATORS.get(options.sep, options.sep),
        encoding=options.encoding,
        time_format=options.time_format,
        skip_missing=options.skip_missing,
        events=hasattr(options, "event"),
    )
    frame = pd.DataFrame({"user_id": log.user_ids[log.users], "item_id": log.item_ids[log.items]})
    if log.events is not None:
        frame["event"] = log.events
    if log.times is not None:
        frame["timestamp"] = log.times
        frame = frame.sort_values("timestamp", kind="stable", ignore_index=True)
    titles = {} if options.titles is None else load_titles(options.titles)
    known = [str(titles.get(item, item)) for item in log.item_ids.tolist()]
    return Bunch(log=frame, titles=pd.DataFrame({"item_id": log.item_ids, "title": known}))


def show_figure(figure: Any, path: str | None) -> None:
    """Save a figure, or show it if no file is named.

    Parameters
    ----------
    figure : Figure
        What is drawn.
    path : str or None
        The file that ``--figure`` names.
    """
    if path is None:
        plt.show()
        return
    matplotlib.use("Agg")
    figure.savefig(path)
    print(f"figure saved as {path}")
