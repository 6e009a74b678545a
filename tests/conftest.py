"""Settings of all tests, and fixtures that tests of several rooms share."""

import gc
import os

# Several processes of pytest share the cores; torch reads this when it is loaded.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    n_threads = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, n_threads)))

import pytest
from hypothesis import settings

from skautoseqrec._scoring import queries, topk
from skautoseqrec._state import base, last_transitions

# They hold fixtures and no examples, and several of one name cannot be imported as modules.
collect_ignore_glob = ["*conftest.py"]

# Machines are shared and noisy: a slow example is no failure.
settings.register_profile("no deadline", deadline=None)
# For whoever must decide about a change: what chance finds elsewhere is no fault of it.
settings.register_profile("same-examples", deadline=None, derandomize=True)
settings.load_profile("no deadline")

ANY = 10**9
#: How rows whose entries add up can be laid out: what is patched to have it so, and what must then run.
LAYOUTS = {
    "dense": ({"PLACES_PER_ENTRY": ANY, "MANY_ENTRIES": ANY}, "_add_up_densely"),
    "dense by scipy": ({"PLACES_PER_ENTRY": ANY, "MANY_ENTRIES": 0}, "_add_up_densely"),
    "sparse": ({"PLACES_PER_ENTRY": 0}, "_add_up_sparsely"),
    "transitions in arrays": ({}, "sums_from_array"),
}


@pytest.fixture(scope="module", params=LAYOUTS)
def layout(request):
    """Have every query's rows in one layout, whatever is cheaper, and see that no other one ran."""
    constants, chosen = LAYOUTS[request.param]
    methods = {"_add_up_densely": queries.SummedRows, "_add_up_sparsely": queries.SummedRows}
    taken = dict.fromkeys((*methods, "sums_from_array"), 0)

    def counting(name, add_up):
        def counted(*arguments):
            taken[name] += 1
            return add_up(*arguments)

        return counted

    with pytest.MonkeyPatch.context() as patch:
        for name, owner in (*methods.items(), ("sums_from_array", last_transitions)):
            patch.setattr(owner, name, counting(name, getattr(owner, name)))
        for name, value in constants.items():
            patch.setattr(queries, name, value)
        patch.setattr(base, "is_cheaper_as_array", lambda n_entries, n_items: chosen == "sums_from_array")
        patch.setattr(base, "ROWS_PER_ASKED", ANY)
        patch.setattr(topk, "is_single", lambda *question: False)  # what scores one row has no layout
        yield taken
    assert taken.pop(chosen) > 0
    # Histories that repeat items are added up in whatever layout is cheaper where that of transitions is chosen.
    assert not any(taken.values()) or chosen == "sums_from_array"


@pytest.fixture
def without_collector():
    """Python's collector of garbage does not run."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
