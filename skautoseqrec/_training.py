"""The training loop: a generator of one loss per matrix and epoch, over sparse rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import nn

from ._module import AutoSeqRecModule, SparseRows
from ._objective import PaperObjective
from ._ragged import ragged_ranges


class Batch(NamedTuple):
    """Some rows of one matrix and the decoder that learns them."""

    decoder: str
    rows: SparseRows


def train(
    module: AutoSeqRecModule,
    objective: PaperObjective,
    rows: Mapping[str, sparse.csr_matrix],
    *,
    batch_size: int,
    max_iter: int,
    learning_rate: Mapping[str, float],
    dropout: Mapping[str, float],
    device: torch.device,
) -> Iterator[dict[str, float]]:
    """Train a module in place, one epoch per step of the generator.

    Parameters
    ----------
    module : AutoSeqRecModule
        On ``device``.
    objective : PaperObjective
        Gives the loss.
    rows : mapping of decoder to csr_matrix
        What each decoder learns.
    batch_size : int
        Rows per batch.
    max_iter : int
        Number of epochs.
    learning_rate, dropout : mapping
        One value for the encoder and one for each decoder.
    device : torch.device
        Where to compute.

    Yields
    ------
    losses : dict
        Mean loss of the epoch per decoder.
    """
    # Drawn and shuffled once for all epochs, the batches of the three matrices together (settings of the authors'
    # code).
    batches = [
        batch for decoder, matrix in rows.items() for batch in _draw_batches(decoder, matrix, batch_size, device)
    ]
    batches = [batches[position] for position in torch.randperm(len(batches)).tolist()]
    optimizers = {name: torch.optim.Adam(part, lr=learning_rate[name]) for name, part in _parts(module).items()}
    for _ in range(max_iter):
        module.train()
        sums = dict.fromkeys(rows, 0.0)
        for decoder, batch in batches:
            logits = module(batch, decoder, dropout["encoder"], dropout[decoder])
            loss = objective.loss(decoder, logits, batch)
            loss.backward()
            for name in ("encoder", decoder):
                optimizers[name].step()
                optimizers[name].zero_grad()
            sums[decoder] += loss.item() * len(batch)
        module.eval()
        yield {decoder: total / rows[decoder].shape[0] for decoder, total in sums.items()}


def _parts(module: AutoSeqRecModule) -> dict[str, list[nn.Parameter]]:
    parts = {name: list(decoder.parameters()) for name, decoder in module.decoders.items()}
    return {"encoder": [module.encoder_weight, module.encoder_bias], **parts}


def _draw_batches(decoder: str, matrix: sparse.csr_matrix, batch_size: int, device: torch.device) -> Iterator[Batch]:
    shuffled = torch.randperm(matrix.shape[0]).numpy()
    for start in range(0, len(shuffled), batch_size):
        yield Batch(decoder, gather_rows(matrix, shuffled[start : start + batch_size]).to(device))


def gather_rows(matrix: sparse.csr_matrix, rows: NDArray[np.int64]) -> SparseRows:
    """Return chosen rows of a csr matrix as a batch."""
    starts = matrix.indptr[rows].astype(np.int64)
    lengths = np.diff(matrix.indptr)[rows].astype(np.int64)
    entries = ragged_ranges(starts, lengths)
    return SparseRows(
        torch.from_numpy(matrix.indices[entries].astype(np.int64)),
        torch.from_numpy(matrix.data[entries].astype(np.float32)),
        torch.from_numpy(np.cumsum(lengths) - lengths),
    )
