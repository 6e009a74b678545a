"""Imports only go down: read from the code, so that no arrow up or sideways, and no circle, comes in unseen."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import skautoseqrec
from skautoseqrec._network.heads import HEADS
from skautoseqrec._network.module import ACTIVATIONS, HISTORY_ENCODERS, SHARED
from skautoseqrec._parameters import ACTIVATION_NAMES, HISTORY_ENCODER_NAMES, OBJECTIVE_NAMES

LONGEST_FILE = 300
#: The page of a public class may have more, most of it documentation.
PAGES = ["ensemble._hybrid", "ensemble._answers", "inspection._walk_forward"]
#: What a room names; it may also use itself, and whatever stands below a room that it names.
NAMED = {
    "_utils": [],
    "exceptions": [],
    "_version": [],
    "_data": ["_utils", "exceptions"],
    "_counts": ["_data"],
    "_network": ["_counts"],
    "_training": ["_network"],
    "_state": ["_network"],
    "_scoring": ["_state"],
    "_answers": ["_scoring"],
    "_parameters": [],
    "_fit_settings": ["_parameters", "_scoring", "_network", "_counts"],
    "_fitting": ["_fit_settings", "_training"],
    "_persistence": ["_fit_settings", "_version"],
    "metrics": ["_data"],
    "datasets": ["_data", "_counts"],
    "preprocessing": ["_data", "_counts"],
    "model_selection": ["_data", "_counts", "metrics"],
    "baselines": ["_data", "_counts", "_parameters", "_answers"],
    "inspection": ["_data", "metrics"],
    "reranking": ["_data"],
}
NAMED["recommender"] = [room for room in NAMED if room.startswith("_")]
NAMED["ensemble"] = ["recommender", "model_selection"]
NAMED["__init__"] = list(NAMED)
NAMED["_cli"] = ["recommender", "baselines", "datasets", "metrics", "model_selection", "preprocessing"]
NAMED["__main__"] = ["_cli"]
WITHOUT_TORCH = ["_counts", "_data", "_utils", "_parameters", "baselines"]
MAY_IMPORT_TORCH = ["_utils.devices", "_utils.products", "_utils.torch_state"]


def allowed(room):
    """Return all rooms that one may import from."""
    return {room}.union(*map(allowed, NAMED[room]))


def room_of(module):
    return module.split(".")[0]


def read_package(folder):
    """Return the code of each module by its name within the package; ``_state.__init__`` is that of a room."""
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.py"))
    }


def imported_by(module, code, package):
    """Yield the full name of everything that a module imports, wherever in its code; what is imported from as well."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = [package, *module.split(".")][: -node.level] if node.level else []
            origin = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def module_named(name, modules, package):
    """Return the module of the package that a full name is of, or in; None if it is of no package or of another."""
    parts = name.split(".")
    if parts[0] != package:
        return None
    for length in range(len(parts), 0, -1):
        for found in (".".join(parts[1:length]), ".".join([*parts[1:length], "__init__"])):
            if found in modules:
                return found
    return None


def faults_of(folder, package="skautoseqrec"):
    """Return what is wrong with the imports and the sizes of a package, one line for each."""
    modules, faults, arrows = read_package(folder), [], {}
    for module, code in modules.items():
        names = [*imported_by(module, code, package)]
        arrows[module] = {module_named(name, modules, package) for name in names} - {None}
        room = room_of(module)
        if room not in NAMED:
            faults.append(f"{module} is in no room that is known: say what it may import")
            continue
        faults += [
            f"{module} imports {other}, which is not below it"
            for other in sorted(arrows[module])
            if room_of(other) not in allowed(room)
        ]
        if module.startswith("_") and module.endswith(".__init__") and names:
            faults.append(f"{module} imports {', '.join(names)}: a room re-exports nothing")
        if room in WITHOUT_TORCH and module not in MAY_IMPORT_TORCH and "torch" in map(room_of, names):
            faults.append(f"{module} imports torch")
        n_lines = len(code.splitlines())
        is_private = module.startswith("_") or "._" in module
        if is_private and module not in PAGES and n_lines > LONGEST_FILE:
            faults.append(f"{module} has {n_lines} lines")
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        faults.append(f"{' -> '.join(reversed(error.args[1]))} is a circle")
    return faults


PUBLIC = [
    "",
    ".baselines",
    ".datasets",
    ".metrics",
    ".model_selection",
    ".preprocessing",
    ".exceptions",
    ".inspection",
    ".reranking",
    ".ensemble",
]


@pytest.mark.parametrize(
    "code",
    [
        "; ".join(f"import skautoseqrec{module}" for module in PUBLIC),
        "from skautoseqrec import *; from sklearn import clone; "
        "clone(AutoSeqRecRecommender(objective='paper', activation='tanh')).set_params(gate=False)",
    ],
)
def test_torch_is_loaded_when_something_is_fitted_and_not_before(code):
    code += "; import sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_alone_imports_next_to_nothing():
    code = "import skautoseqrec, sys; assert not {'torch', 'sklearn', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_there_before_they_are_imported():
    code = "import skautoseqrec as s; print(*dir(s)); print(*s.__all__)"
    listed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    listed, offered = (set(line.split()) for line in listed.splitlines())
    assert offered <= listed
    assert all(getattr(skautoseqrec, name) is not None for name in offered)
    with pytest.raises(AttributeError, match="has no attribute 'AutoSeqRec'"):
        skautoseqrec.AutoSeqRec  # noqa: B018


def test_names_of_parameters_are_those_of_the_tables():
    assert set(HEADS) == OBJECTIVE_NAMES
    assert set(ACTIVATIONS) == ACTIVATION_NAMES
    assert {SHARED, *HISTORY_ENCODERS} == HISTORY_ENCODER_NAMES


def test_imports_of_the_package_only_go_down():
    folder = Path(skautoseqrec.__file__).parent
    assert len(read_package(folder)) > 60
    assert faults_of(folder) == []


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"_state/state.py": "from .._network.model import Model\nfrom . import base\nimport numpy, torch"}, None),
        ({"_fitting/fit.py": "from .._state import state\nfrom .._utils.ragged import Entries"}, None),
        ({"_utils/devices.py": "import torch", "metrics/_ranks.py": "from .._utils.devices import beside"}, None),
        ({"recommender.py": "from ._fitting import fit\nfrom ._persistence.saving import save"}, None),
        ({"_counts/counts.py": "\n" * 300}, None),
        ({"recommender.py": "\n" * 301}, None),
        ({"_fitting/fit.py": "from .._training.loop import train"}, None),
        # Upwards.
        ({"_counts/counts.py": "from .._network.model import Model"}, "_counts.counts imports _network.model"),
        ({"_counts/counts.py": "from .._network import model"}, "_counts.counts imports _network.model"),
        ({"_counts/counts.py": "from .. import _network"}, "_counts.counts imports _network.__init__"),
        ({"_counts/counts.py": "from ..recommender import fit"}, "_counts.counts imports recommender"),
        ({"_counts/counts.py": "import skautoseqrec._network.model as m"}, "_counts.counts imports _network.model"),
        ({"_counts/counts.py": "from skautoseqrec._network.model import M"}, "_counts.counts imports _network.model"),
        (
            {"_counts/counts.py": "def f():\n    from .._network.model import M"},
            "_counts.counts imports _network.model",
        ),
        ({"_counts/counts.py": "if T:\n    from .._network.model import M"}, "_counts.counts imports _network.model"),
        ({"_data/reading.py": "def f():\n    from skautoseqrec import fit"}, "_data.reading imports __init__"),
        # Sideways.
        ({"_state/state.py": "from .._training.loop import train"}, "_state.state imports _training.loop"),
        ({"_fitting/fit.py": "from .._persistence.saving import save"}, "_fitting.fit imports _persistence.saving"),
        ({"metrics/_ranks.py": "from .._network.model import Model"}, "metrics._ranks imports _network.model"),
        ({"preprocessing.py": "from .datasets import load"}, "preprocessing imports datasets"),
        ({"_persistence/saving.py": "from .._training.loop import t"}, "_persistence.saving imports _training.loop"),
        ({"_parameters.py": "from ._training.loop import train"}, "_parameters imports _training.loop"),
        ({"_fit_settings.py": "from ._training.loop import train"}, "_fit_settings imports _training.loop"),
        ({"_training/loop.py": "from .._state.state import State"}, "_training.loop imports _state.state"),
        ({"_scoring/topk.py": "from .._training.loop import train"}, "_scoring.topk imports _training.loop"),
        # In circles, though no room is left.
        (
            {"_state/state.py": "from .base import Base", "_state/base.py": "def f():\n    from . import state"},
            "is a circle",
        ),
        ({"_counts/counts.py": "import torch.nn"}, "_counts.counts imports torch"),
        ({"_data/reading.py": "def f():\n    from torch import Tensor"}, "_data.reading imports torch"),
        ({"_state/__init__.py": '"""A room."""\nfrom .state import State'}, "_state.__init__ imports"),
        ({"_counts/counts.py": "\n" * 301}, "_counts.counts has 301 lines"),
        ({"_parameters.py": "\n" * 301}, "_parameters has 301 lines"),
        ({"metrics/_ranks.py": "\n" * 301}, "metrics._ranks has 301 lines"),
        ({"cli.py": ""}, "cli is in no room that is known"),
    ],
)
def test_what_goes_up_or_sideways_or_is_too_long_is_noticed(files, fault, tmp_path):
    rooms = ["_network/model.py", "_training/loop.py", "_state/state.py", "_state/base.py", "_persistence/saving.py"]
    rooms += ["_data/reading.py", "_fitting/fit.py", "_utils/ragged.py", "recommender.py", "datasets.py"]
    contents = dict.fromkeys(["__init__.py", *rooms], "") | files
    contents |= {str(Path(name).parent / "__init__.py"): "" for name in contents if "/" in name} | files
    for name, code in contents.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code, encoding="utf-8")
    found = faults_of(tmp_path)
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]
