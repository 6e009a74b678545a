"""What packaging and workflow files repeat agrees with where it is said first."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import skautoseqrec

ROOT = Path(__file__).parents[2]
#: What conda-forge calls otherwise than PyPI.
CONDA_NAMES = {"torch": "pytorch"}


def test_the_conda_recipe_has_the_version_and_the_dependencies_of_pyproject():
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [f"python {project['requires-python']}"]
    for dependency in project["dependencies"]:
        name, floor = re.fullmatch(r"([\w-]+)(>=.+)", dependency).groups()
        wanted.append(f"{CONDA_NAMES.get(name, name)} {floor}")
    assert sorted(recipe["requirements"]["run"]) == sorted(wanted)
    assert recipe["context"]["version"] == skautoseqrec.__version__
    assert recipe["build"]["python"]["entry_points"] == [
        f"{name} = {target}" for name, target in project["scripts"].items()
    ]


@pytest.mark.parametrize("name", ["tests", "docs", "release"])
def test_workflows_name_files_and_extras_that_exist(name):
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert yaml.safe_load(text)["jobs"]
    for script in re.findall(r"\.ci/\w+(?:\.py)?", text):
        assert (ROOT / script).is_file()
    extras = {extra for found in re.findall(r'"\.\[([\w,]+)\]"', text) for extra in found.split(",")}
    assert extras <= set(project["optional-dependencies"])
