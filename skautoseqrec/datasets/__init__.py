"""Logs to try things on: fetched from their publishers, small ones in the package, synthetic ones, and files."""

from ._fetching import fetch_movielens, fetch_online_retail
from ._files import load_interactions
from ._shop import make_shop_log
from ._synthetic import make_interactions
from ._titled import load_movie_tweetings
from ._titles import load_titles

__all__ = [
    "fetch_movielens",
    "fetch_online_retail",
    "load_interactions",
    "load_movie_tweetings",
    "load_titles",
    "make_interactions",
    "make_shop_log",
]

# Messages, pickles and documentation name the public address.
for _name in __all__:
    globals()[_name].__module__ = __name__
del _name
