"""Recommenders to compare with: popularity, Markov chains, item neighbours, EASE, chance."""

from ._ease import EASERecommender
from ._markov import MarkovRecommender
from ._neighbors import ItemKNNRecommender
from ._popularity import DecayedPopularityRecommender, PopularityRecommender
from ._random import RandomRecommender

__all__ = [
    "DecayedPopularityRecommender",
    "EASERecommender",
    "ItemKNNRecommender",
    "MarkovRecommender",
    "PopularityRecommender",
    "RandomRecommender",
]
