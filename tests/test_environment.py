"""pyproject.toml, constraints.txt and environment.yml speak of the same packages."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
#: Other names of the same project on conda-forge.
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wanted(project):
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(text) for texts in lists for text in texts]


@pytest.fixture(scope="module")
def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def test_every_range_holds_its_pins_on_every_platform(wanted, pins):
    for requirement in wanted:
        own = [
            pin
            for pin in pins
            if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
        ]
        assert own, f"{requirement.name} is not pinned"
        for pin in own:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert requirement.specifier.contains(exact.version), f"{pin} is outside {requirement}"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "arm64"])
def test_each_platform_has_one_pin_a_package(pins, machine):
    system = "darwin" if machine == "arm64" else "linux"
    platform = {"platform_machine": machine, "sys_platform": system}
    valid = [pin.name for pin in pins if not pin.marker or pin.marker.evaluate(platform)]
    assert len(valid) == len(set(valid))
    assert {"torch", "torchvision"} <= set(valid)


def test_conda_environment_mirrors_the_project(project, wanted):
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = (entry["pip"] for entry in dependencies if isinstance(entry, dict))
    conda = {entry for entry in dependencies if isinstance(entry, str)}
    built = project["optional-dependencies"]["crf"]  # from source: nothing for everybody
    mirrored = {
        f"{CONDA.get(requirement.name, requirement.name)}{requirement.specifier}"
        for requirement in wanted
        if str(requirement) not in {*pip, *(str(Requirement(text)) for text in built)}
    }
    assert conda - {"pip"} == mirrored | {f"python{project['requires-python']}"}
    only_on_pypi = [text for text in project["dependencies"] if text.startswith("efficientnet-")]
    for name in ("offline", "browser"):
        only_on_pypi += project["optional-dependencies"][name]
    assert set(pip) == set(only_on_pypi)
