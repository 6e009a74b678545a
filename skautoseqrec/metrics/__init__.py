"""Ranking metrics as functions of ranks and of lists, intervals for them, and scorers for model selection."""

from ._bootstrap import bootstrap_interval
from ._lists import (
    catalogue_coverage,
    gini_index,
    intra_list_diversity,
    mean_popularity,
    novelty,
    serendipity,
)
from ._positions import mean_rank, median_rank, roc_auc
from ._ranks import (
    mean_average_precision_at_k,
    mean_reciprocal_rank,
    ndcg_at_k,
    precision_at_k,
    ranks_from_reciprocal,
    recall_at_k,
)
from ._scorers import RankingScorer, get_scorer, mrr_scorer, recall_scorer

__all__ = [
    "RankingScorer",
    "bootstrap_interval",
    "catalogue_coverage",
    "get_scorer",
    "gini_index",
    "intra_list_diversity",
    "mean_average_precision_at_k",
    "mean_popularity",
    "mean_rank",
    "mean_reciprocal_rank",
    "median_rank",
    "mrr_scorer",
    "ndcg_at_k",
    "novelty",
    "precision_at_k",
    "ranks_from_reciprocal",
    "recall_at_k",
    "recall_scorer",
    "roc_auc",
    "serendipity",
]

# Saved files name what is public by its public module.
for _name in __all__:
    if _name != "mrr_scorer":
        globals()[_name].__module__ = __name__
