"""The rivals by name: where each is, what is tried for its settings, and what is tried first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from .replay import Replay

__all__ = ["BASKET_RIVALS", "REPEAT_RIVALS", "RIVALS", "Rival", "Settings"]

Settings = dict[str, Any]


class Rival(NamedTuple):
    """A class of this folder, its grid of settings, and the points of it that are tried first.

    What is trained has its number of epochs chosen besides, and takes a seed.
    """

    module: str
    name: str
    grid: Mapping[str, Sequence[Any]]
    starts: tuple[Settings, ...] = ()
    is_trained: bool = False
    has_seed: bool = False

    @property
    def path(self) -> Path:
        """The file of the class."""
        return Path(__file__).parent / f"{self.module}.py"

    def make(self, settings: Settings, seed: int, exclude_seen: bool) -> Replay:
        """Return the rival with some settings; its libraries are imported now."""
        seeded = {"random_state": seed} if self.is_trained or self.has_seed else {}
        model = getattr(import_module(f".{self.module}", __package__), self.name)
        made: Replay = model(**settings, **seeded, exclude_seen=exclude_seen)
        return made


def points(grid: Mapping[str, Sequence[Any]], *values: tuple[Any, ...]) -> tuple[Settings, ...]:
    """Return points of a grid, given by the values of its settings in order."""
    return tuple(dict(zip(grid, each, strict=True)) for each in values)


DECAYS = (0.3, 0.6, 0.8, 0.9, 1.0)
MARKOV = {
    "window": (1, 3, 5, 10),
    "decay": (0.5, 0.7, 0.9),
    "context_size": (1, 2, 3, 5),
    "context_decay": (0.3, 0.5, 0.7),
    "by_popularity": (False, True),
}
MARKOV_OWN = {
    "own_share": (0.1, 0.3, 0.5, 0.7, 0.9),
    "own_decay": (0.5, 0.7, 0.8, 0.9, 0.95),
    "window": (1, 3, 5, 10),
    "context_size": (1, 2, 3),
}
EASE = {"regularization": (1, 10, 100, 300, 1000, 3000), "decay": DECAYS}
NEIGHBOURS = {"kind": ("cosine", "tfidf", "bm25"), "decay": DECAYS, "n_neighbours": (100, None)}
REFIT = {"refit_every": (100,)}
FREEGEM = {
    "decay": (0, 0.5, 1, 3, 10, 30, 100, 400),
    "n_components": (8, 16, 24, 32, 64),
    "refit_distance": (3, 10),
    "short_share": (0.8, 0.9, 0.95, 1.0),
    "n_recent": (1, 2, 3, 5, 8),
    "n_states": (1, 3),
    "alpha": (1, 2, 3, 4, 6),
    "remember_fitted": (True, False),
}
#: Best of about 50 draws each on the valid parts of three logs of different size, pace and number of ties.
FREEGEM_STARTS = points(
    FREEGEM, (400, 8, 3, 1.0, 2, 3, 1, True), (0, 24, 10, 0.9, 8, 3, 6, False), (100, 64, 10, 0.9, 5, 1, 1, True)
)
FUTURE = {"decay": (2, 5, 10, 20, 60, 150, 400), "n_components": (1, 16, 32, 64, 128, 200)}
ALS = {
    "n_components": (32, 64, 128),
    "regularization": (0.01, 0.1, 1.0, 10.0),
    "alpha": (1.0, 3.0, 10.0, 40.0),
    "decay": DECAYS,
    "refit_every": (500,),
}
BPR = {
    "n_components": (32, 64, 128),
    "learning_rate": (0.01, 0.05, 0.1),
    "regularization": (0.001, 0.01, 0.1),
    "decay": DECAYS,
    "n_iterations": (50, 100, 300),
    "refit_every": (1000,),
}
SKRECSYS_EASE = {**EASE, "refit_every": (25,)}
SKRECSYS_RP3BETA = {
    "n_neighbours": (20, 50, 100, 300, 1000),
    "alpha": (0.4, 0.6, 0.8, 1.0),
    "beta": (0.0, 0.2, 0.4, 0.6),
    "decay": DECAYS,
    "refit_every": (25,),
}
SKRECSYS_HSTU = {
    "n_components": (64, 128),
    "learning_rate": (1e-3, 3e-3),
    "dropout": (0.2, 0.5),
    "length": (50, 100),
    "n_negatives": (16, 128),
    "n_iterations": (20, 40, 80),
}
RECTOOLS_EASE = {**EASE, **REFIT}
RECTOOLS_NEIGHBOURS = {**NEIGHBOURS, "n_neighbours": (20, 100, 1000), **REFIT}
RECTOOLS_SASREC = {
    "n_components": (64, 128),
    "n_blocks": (2, 1),
    "dropout": (0.2, 0.5),
    "learning_rate": (1e-3,),
    "length": (50, 100),
}
SASREC = {"n_components": (64, 128), "n_blocks": (2, 1), "dropout": (0.2, 0.5), "learning_rate": (1e-3,)}
GRU4REC = {
    "n_components": (64, 128, 256, 512),
    "n_layers": (1, 2),
    "dropout": (0.3, 0.5),
    "learning_rate": (3e-3, 1e-3),
}
GRU4REC_STARTS = points(GRU4REC, *((width, 1, 0.3, 3e-3) for width in (64, 128, 256, 512)), (256, 1, 0.3, 1e-3))
LIGHTGCN = {"learning_rate": (5e-3, 1e-2), "n_components": (64, 128), "n_layers": (3, 2), "propagate_every": (5,)}
JODIE = {"n_components": (128, 64), "learning_rate": (1e-3, 3e-3), "is_online": (True,)}
COPE = {
    "n_components": (64, 32, 128),
    "learning_rate": (5e-4, 1e-3, 2e-3, 3e-3),
    "weight_decay": (5e-3, 1e-2, 1e-3),
    "n_train_steps": (400, 100, 1000),
}
#: As tuned for a small sparse log, a larger one of fewer components, and MovieLens-100K.
COPE_STARTS = points(COPE, (64, 2e-3, 5e-3, 400), (32, 3e-3, 1e-2, 100), (64, 5e-4, 1e-3, 1000))
TIFUKNN = {
    "n_neighbours": (30, 100, 300, 900),
    "group_size": (2, 4, 7, 12),
    "basket_decay": (0.6, 0.8, 0.9, 1.0),
    "group_decay": (0.5, 0.7, 0.9, 1.0),
    "own_share": (0.1, 0.3, 0.5, 0.7, 0.9),
}

#: For logs in which people come back.
REPEAT_RIVALS = {"own-recent": Rival("own_recent", "OwnRecent", {"decay": (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)})}
#: For logs in which they fill baskets.
BASKET_RIVALS = {
    "top-frequency": Rival("top_frequency", "PersonalTopFrequency", {}),
    "tifuknn": Rival("tifuknn", "TIFUKNN", TIFUKNN),
}
RIVALS = {
    "decayed-popularity": Rival(
        "popularity", "DecayedPopularity", {"half_life": (10, 30, 100, 300, 1000, 3000, 10000)}
    ),
    "markov": Rival("markov", "Markov", MARKOV, points(MARKOV, (5, 0.7, 1, 0.5, False))),
    "markov-own": Rival("markov_own", "MarkovOwnRecent", MARKOV_OWN),
    "ease": Rival("ease", "EASE", EASE),
    "ease-100": Rival("ease", "EASE", {**EASE, **REFIT}),
    "neighbours": Rival("neighbours", "Neighbours", NEIGHBOURS),
    "neighbours-100": Rival("neighbours", "Neighbours", {**NEIGHBOURS, **REFIT}),
    "freegem": Rival("freegem", "FreeGEM", FREEGEM, FREEGEM_STARTS),
    "freegem-future": Rival(
        "freegem_future", "FreeGEMFuture", FUTURE, points(FUTURE, (60, 128), (20, 200), (5, 64), (60, 1))
    ),
    "als": Rival("implicit_factors", "ImplicitALS", ALS, has_seed=True),
    "bpr": Rival("implicit_factors", "ImplicitBPR", BPR, has_seed=True),
    "lightgcn": Rival("lightgcn", "LightGCN", LIGHTGCN, points(LIGHTGCN, (5e-3, 64, 3, 5)), is_trained=True),
    "jodie": Rival("jodie", "JODIE", JODIE, points(JODIE, (128, 1e-3, True)), is_trained=True),
    "cope": Rival("cope", "CoPE", COPE, COPE_STARTS, is_trained=True),
    "skrecsys-ease": Rival("skrecsys_items", "SkrecsysEASE", SKRECSYS_EASE),
    "skrecsys-rp3beta": Rival(
        "skrecsys_items", "SkrecsysRP3Beta", SKRECSYS_RP3BETA, points(SKRECSYS_RP3BETA, (100, 1.0, 0.6, 0.6, 25))
    ),
    "skrecsys-hstu": Rival("skrecsys_hstu", "SkrecsysHSTU", SKRECSYS_HSTU, has_seed=True),
    "rectools-ease": Rival("rectools_items", "RecToolsEASE", RECTOOLS_EASE),
    "rectools-neighbours": Rival("rectools_items", "RecToolsNeighbours", RECTOOLS_NEIGHBOURS),
    "rectools-sasrec": Rival(
        "rectools_sasrec",
        "RecToolsSASRec",
        RECTOOLS_SASREC,
        points(RECTOOLS_SASREC, (64, 2, 0.2, 1e-3, 50)),
        is_trained=True,
    ),
    "sasrec": Rival("sasrec", "SASRec", SASREC, points(SASREC, (64, 2, 0.2, 1e-3)), is_trained=True),
    "gru4rec": Rival("gru4rec", "GRU4Rec", GRU4REC, GRU4REC_STARTS, is_trained=True),
    **REPEAT_RIVALS,
    **BASKET_RIVALS,
}
