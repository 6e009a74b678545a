"""What the shape of the network is worth: its activation, what encodes histories, and how many residual blocks.

Activation and history encoder are parameters. The number of blocks is none: encoders with others are registered here in
place of the residual one, which has one block.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

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
from torch import Tensor, nn

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._network.module import ACTIVATIONS, HISTORY_ENCODERS, SHARED
from skautoseqrec._network.residual_encoder import ResidualEncoder

N_BLOCKS = (0, 2, 3)


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


@contextmanager
def blocks(n_blocks: int) -> Iterator[None]:
    """Have the residual encoder with another number of blocks."""
    HISTORY_ENCODERS["residual"] = type("Encoder", (DeeperEncoder,), {"n_blocks": n_blocks})
    try:
        yield
    finally:
        HISTORY_ENCODERS["residual"] = ResidualEncoder


def main() -> None:
    """Print one table a log."""
    options = parse_options()
    for ordered in read_logs(options):
        fold = fold_of(ordered.log, options)
        print_header(f"{ordered.title}, {options.part} part; {options.components} components", options.seeds)
        table = Table(["network", "MRR", "Recall@10", "spread"])
        for encoder in (SHARED, *HISTORY_ENCODERS):
            add(table, f"history_encoder={encoder}", {"history_encoder": encoder}, fold, options)
        for n_blocks in N_BLOCKS:
            with blocks(n_blocks):
                add(table, f"residual, {n_blocks} blocks", {"history_encoder": "residual"}, fold, options)
        for activation in ACTIVATIONS:
            add(table, f"activation={activation}", {"activation": activation}, fold, options)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, seeds=[0, 1, 2], part="valid")
    help_of_components = "size of the hidden representation; default: %(default)s"
    parser.add_argument("--components", type=at_least(1), default=256, metavar="N", help=help_of_components)
    return parser.parse_args()


def add(table: Table, name: str, changed: dict[str, Any], fold: Fold, options: argparse.Namespace) -> None:
    """Print the row of a network."""
    parameters = {"n_components": options.components, "refit": False, **trained_for(options), **changed}

    def measure(seed: int) -> Accuracy:
        recommender = AutoSeqRecRecommender(**parameters, random_state=seed).fit(fold.fitted)
        return Accuracy.of(recommender.score_samples(fold.walked))

    mean, spread = over_seeds(measure, options.seeds)
    table.add(name, *mean, spread[0])


if __name__ == "__main__":
    main()
