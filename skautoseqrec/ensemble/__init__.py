"""Recommenders that are made of several."""

from ._hybrid import HybridRecommender

__all__ = ["HybridRecommender"]

# Saved files name what is public by its public module.
for _name in __all__:
    globals()[_name].__module__ = __name__
