"""A recommender with a journal, closed and crashed."""

import copy

import pytest
from journals import LOG, SMALL, UPDATES, read_files, update_all

from skautoseqrec import AutoSeqRecRecommender


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "model.safetensors", tmp_path / "model.journal"


@pytest.fixture
def recommender():
    return AutoSeqRecRecommender(**SMALL).fit(LOG)


@pytest.fixture
def twin(recommender):
    return copy.deepcopy(recommender)


@pytest.fixture
def states(twin):
    """What the recommender is after each number of updates."""
    return [update_all(copy.deepcopy(twin), UPDATES[:count]) for count in range(len(UPDATES) + 1)]


@pytest.fixture
def crashed(recommender, paths, twin):
    """The files of a journal of all updates that was not closed; the recommender has them as well."""
    recommender.save_model(paths[0], journal=paths[1])
    update_all(recommender)
    files = read_files(paths[1])
    recommender.close_journal()
    return files


@pytest.fixture
def closed(crashed, paths):
    """The same, of a journal that was closed."""
    return read_files(paths[1])
