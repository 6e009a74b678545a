"""Logs to try things on: fetched from their publishers, synthetic ones, and files."""

from ._fetching import fetch_movielens, fetch_online_retail
from ._files import load_interactions
from ._synthetic import make_interactions

__all__ = ["fetch_movielens", "fetch_online_retail", "load_interactions", "make_interactions"]

# Messages, pickles and documentation name the public address.
for _name in __all__:
    globals()[_name].__module__ = __name__
del _name
