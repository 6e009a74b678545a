"""What the shape of the network is worth: what encodes histories, activations, residual blocks, and depth.

Four activations and two history encoders are parameters. All else is no parameter: it is registered here for as long as
a row takes, in place of what bears the name. ``--rows`` chooses groups of rows, so that a table can be made in pieces.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from time import process_time
from typing import Any, NamedTuple, cast
from unittest.mock import patch

import numpy as np
import torch
from attention_encoder import N_HEADS, AttentionEncoder
from common import (
    Accuracy,
    Fold,
    Table,
    at_least,
    fold_of,
    make_parser,
    over_seeds,
    print_header,
    read_logs,
    trained_for,
)
from deeper_network import depth
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec._network.module import ACTIVATIONS, ARRAY_ACTIVATIONS, HISTORY_ENCODERS, SHARED
from skautoseqrec._network.residual_encoder import ResidualEncoder

N_BLOCKS = (0, 2, 3)
#: Activations that the package has not.
OTHER_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "elu": functional.elu,
    "leaky relu": functional.leaky_relu,
}
#: Layers of the encoder and of each decoder.
DEPTHS = ((1, 1), (2, 1), (3, 1), (1, 2), (1, 3), (3, 3))
#: Rates that fit one shape need not fit another, so the best of some is what a shape can do. The residual encoder has
#: the first of these rates.
ATTENTION_RATES = (1e-3, 2e-3)
#: Of all parts of the usual network; "auto" has larger ones for its decoders.
RATES = ("auto", 1e-3)
#: Of the published encoder, whose own is the first: with it, added layers stay near where they start.
PUBLISHED_RATES = (1e-5, 1e-3)


class Row(NamedTuple):
    """A network: parameters, and a context that puts in place what is no parameter."""

    name: str
    parameters: dict[str, Any]
    shape: Callable[[], AbstractContextManager[Any]] = nullcontext


class DeeperEncoder(ResidualEncoder):
    """The residual encoder with another number of blocks, one after the other."""

    n_blocks: int

    def __init__(self, n_components: int, dropout: float) -> None:
        super().__init__(n_components, dropout)
        self.blocks = nn.ModuleList(fresh(self.block) for _ in range(self.n_blocks))
        del self.block

    def encode_sums(self, sums: Tensor) -> Tensor:
        """Return the encoded histories, given their decayed sums, (n_rows, d)."""
        hidden = self.dropout(self.norm(sums))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return cast(Tensor, hidden)

    def encode_sum(self, sums: Tensor) -> Tensor:
        """Return one encoded history, given its decayed sum, (d,)."""
        return self.encode_sums(sums[None])[0]


def fresh(block: nn.Module) -> nn.Module:
    """Return a copy of a block with starting weights of its own."""
    copied = copy.deepcopy(block)
    for layer in copied.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    return copied


def blocks(n_blocks: int) -> AbstractContextManager[Any]:
    """Have the residual encoder with another number of blocks."""
    return patch.dict(HISTORY_ENCODERS, residual=type("Encoder", (DeeperEncoder,), {"n_blocks": n_blocks}))


def attention() -> AbstractContextManager[Any]:
    """Have the attention encoder in place of the residual one."""
    return patch.dict(HISTORY_ENCODERS, residual=AttentionEncoder)


@contextmanager
def activation(name: str) -> Iterator[None]:
    """Have another activation in place of relu."""
    of_tensors = OTHER_ACTIVATIONS[name]

    def of_arrays(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return of_tensors(torch.from_numpy(values)).numpy()

    with patch.dict(ACTIVATIONS, relu=of_tensors), patch.dict(ARRAY_ACTIVATIONS, relu=of_arrays):
        yield


def encoder_rows() -> Iterator[Row]:
    """Yield the package's own encoders of histories."""
    for encoder in (SHARED, *HISTORY_ENCODERS):
        yield Row(f"history_encoder={encoder}", {"history_encoder": encoder})


def attention_rows() -> Iterator[Row]:
    """Yield the attention encoder with each rate."""
    for rate in ATTENTION_RATES:
        yield Row(f"attention, rate {rate:g}", {"history_encoder": "residual", "learning_rate": rate}, attention)


def block_rows() -> Iterator[Row]:
    """Yield numbers of blocks of the residual encoder."""
    for n_blocks in N_BLOCKS:
        yield Row(f"residual, {n_blocks} blocks", {"history_encoder": "residual"}, partial(blocks, n_blocks))


def activation_rows() -> Iterator[Row]:
    """Yield activations of the shared encoder."""
    for name in ACTIVATIONS:
        yield Row(f"activation={name}", {"activation": name})
    for name in OTHER_ACTIVATIONS:
        yield Row(f"activation: {name}", {"activation": "relu"}, partial(activation, name))


def depth_rows() -> Iterator[Row]:
    """Yield depths of the usual network, with each rate."""
    for depths in DEPTHS:
        for rate in RATES:
            yield Row(
                f"depth {depths[0]} and {depths[1]}, rate {rate}", {"learning_rate": rate}, partial(depth, *depths)
            )


def published_rows() -> Iterator[Row]:
    """Yield depths of the published network, with each rate of its encoder."""
    for depths in DEPTHS:
        for rate in PUBLISHED_RATES:
            parameters = {**PAPER_PARAMS, "learning_rate": {**PAPER_PARAMS["learning_rate"], "encoder": rate}}
            yield Row(f"published, {depths[0]} and {depths[1]}, rate {rate:g}", parameters, partial(depth, *depths))


#: Groups of rows.
ROWS: dict[str, Callable[[], Iterator[Row]]] = {
    "encoders": encoder_rows,
    "attention": attention_rows,
    "blocks": block_rows,
    "activations": activation_rows,
    "depth": depth_rows,
    "published": published_rows,
}


def main() -> None:
    """Print one table a log."""
    options = parse_options()
    for ordered in read_logs(options):
        fold = fold_of(ordered.log, options)
        print_header(f"{ordered.title}, {options.part} part; {options.components} components", options.seeds)
        table = Table(["network", "MRR", "Recall@10", "spread", "epochs", "CPU seconds"])
        for group in options.rows:
            for row in ROWS[group]():
                add(table, row, fold, options)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, seeds=[0, 1, 2], part="valid")
    help_of_components = "size of the hidden representation; default: %(default)s"
    parser.add_argument("--components", type=at_least(1), default=256, metavar="N", help=help_of_components)
    help_of_patience = "stop after N epochs without a gain; default: as it comes"
    parser.add_argument("--patience", type=at_least(1), metavar="N", help=help_of_patience)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="groups of rows; default: all")
    options = parser.parse_args()
    if "attention" in options.rows and options.components % N_HEADS:
        parser.error(f"--components: attention has {N_HEADS} heads and needs a multiple, not {options.components}.")
    return options


def add(table: Table, row: Row, fold: Fold, options: argparse.Namespace) -> None:
    """Print how well a network does, and what its fit takes: epochs that are kept, and seconds."""
    parameters = {**row.parameters, "n_components": options.components, "refit": False, **trained_for(options)}
    if options.patience is not None:
        parameters["n_iter_no_change"] = options.patience

    def measure(seed: int) -> tuple[float, ...]:
        with row.shape():
            start = process_time()
            recommender = AutoSeqRecRecommender(**parameters, random_state=seed).fit(fold.fitted)
            seconds = process_time() - start
            accuracy = Accuracy.of(recommender.score_samples(fold.walked))
        return (*accuracy, recommender.n_iter_, seconds)

    (mrr, recall, n_iter, seconds), spread = over_seeds(measure, options.seeds)
    table.add(row.name, mrr, recall, spread[0], f"{n_iter:.0f}", f"{seconds:.0f}")


if __name__ == "__main__":
    main()
