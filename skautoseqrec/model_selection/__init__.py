"""Splits of a log in time, comparisons of models over them, and searches over blends that train once."""

from ._comparison import compare
from ._reblended import Reblended
from ._split import TemporalSplit, temporal_train_test_split

__all__ = ["Reblended", "TemporalSplit", "compare", "temporal_train_test_split"]

# Saved files name what is public by its public module.
for _name in __all__:
    globals()[_name].__module__ = __name__
