"""Import every module of the installed package, and compare them with the files of the source folder given."""

import importlib
import pkgutil
import sys
from pathlib import Path

import skautoseqrec

source, installed = Path(sys.argv[1]).resolve(), Path(skautoseqrec.__file__).resolve().parent
if installed == source:
    raise SystemExit(f"This is the source folder {source}, not an installed package.")
names = {module.name for module in pkgutil.walk_packages(skautoseqrec.__path__, "skautoseqrec.")}
for name in sorted(names):
    importlib.import_module(name)
wanted = {
    ".".join(("skautoseqrec", *path.relative_to(source).with_suffix("").parts)).removesuffix(".__init__")
    for path in source.rglob("*.py")
}
missing = wanted - names - {"skautoseqrec"}
if missing:
    raise SystemExit(f"The wheel lacks {sorted(missing)}.")
data = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
lacking = sorted(str(path) for path in data if not (installed / path).is_file())
if lacking or not data:
    raise SystemExit(f"The wheel lacks the files {lacking}.")
print(f"imported {len(names)} modules of the wheel")
