"""A network of six items and five components, and what it is trained on."""

from dataclasses import replace

import numpy as np
import torch
from scipy import sparse

from skautoseqrec import PAPER_PARAMS
from skautoseqrec._counts.counted_log import count_log
from skautoseqrec._counts.settings import SequenceSettings
from skautoseqrec._data.reading import read_columns
from skautoseqrec._network.inputs import gather_rows
from skautoseqrec._network.module import DECODERS, AutoSeqRecModule
from skautoseqrec._training.batches import Batch
from skautoseqrec._training.objectives import MultinomialObjective, PaperObjective
from skautoseqrec._training.steps import TrainingSettings

NOTHING = dict.fromkeys(("encoder", *DECODERS), 0.0)
RATES = TrainingSettings(dict.fromkeys(NOTHING, 0.01), PAPER_PARAMS["dropout"], 0.0, 0.0, None)
NO_RATES = replace(RATES, learning_rate=NOTHING, dropout=NOTHING)
CPU = torch.device("cpu")
SETTINGS = SequenceSettings(2, 0.5, 0.9, 1, 1.0, ())
OBJECTIVES = [PaperObjective(), MultinomialObjective()]


def random_matrix(n_rows=9, n_items=6, seed=0):
    return sparse.random(n_rows, n_items, 0.4, random_state=seed, format="csr", dtype=np.float32)


def module_of(objective=OBJECTIVES[0], activation="relu"):
    torch.manual_seed(0)
    module = AutoSeqRecModule(6, 5, activation)
    objective.initialise(module)
    return module


def batch_of(matrix, decoder="source", rows=None):
    gathered = gather_rows(matrix, np.arange(matrix.shape[0]) if rows is None else rows)
    return Batch(decoder, gathered, gathered)


def logits_of(objective, module, batch, dropout):
    return objective.logits(module, module.weights(batch.decoder), batch, dropout)


def counted(log):
    return count_log(read_columns(log), None, SETTINGS, 0).counts


def shares(rows):
    """Return sparse rows divided by their sums."""
    sums = torch.zeros(len(rows), dtype=torch.float32).index_add_(0, rows.row_of_entry, rows.values)
    return rows.scaled(1 / sums)
