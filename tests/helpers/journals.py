"""A small recommender, updates of it, and the files of its journal: as they are, and as a crash leaves them."""

from skautoseqrec import load_model
from skautoseqrec._persistence.wal import log_of

SMALL = {
    "n_components": 4,
    "max_iter": 1,
    "device": "cpu",
    "random_state": 0,
    "blend": {"collaborative": 1.0, "direct": 1.0, "trend": (0.1,)},
    "trend_half_lives": (30,),
    "early_stopping": False,
    "exclude_seen": False,
}
LOG = [("user 1", "item 1", 0), ("user 1", "item 2", 0), ("user 2", "item 1", 0), ("user 3", "item 3", 0)]
UPDATES = [
    [("user 9", "item 1", 1)],
    [("user 1", "item 9", 2), ("user 2", "item 9", 1)],
    [("user 4", "item 4", 3)],
]


def update_all(recommender, updates=UPDATES):
    for update in updates:
        recommender.partial_update(update)
    return recommender


def load(paths):
    """Return what a model and its journal stand for, the journal closed again."""
    loaded = load_model(paths[0], journal=paths[1])
    loaded.close_journal()
    return loaded


def read_files(path):
    """Return what a journal's two files hold, None where there is none: what a crash leaves, if it is open."""
    return tuple(file.read_bytes() if file.exists() else None for file in (path, log_of(path)))


def write_files(path, contents):
    """Put back what :func:`read_files` returned."""
    for file, content in zip((path, log_of(path)), contents, strict=True):
        if content is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(content)
