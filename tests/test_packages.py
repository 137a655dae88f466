"""Packages speak for the library: names load on first use, and no sub-module hides one."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import wsss_lib

STUBS = sorted(Path(wsss_lib.__file__).parent.rglob("__init__.pyi"))


def imports(stub):
    """The sub-modules that a stub names, and its other names."""
    modules, others = [], []
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            (others if node.module else modules).extend(name.name for name in node.names)
    return modules, others


@pytest.fixture(scope="module")
def all_loaded():
    """Every module, as after a long session: a module becomes an attribute of its package."""
    for module in pkgutil.walk_packages(wsss_lib.__path__, "wsss_lib."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.parent.name)
def test_every_public_name_is_there_and_hidden_by_no_module(stub, all_loaded):
    place = stub.parent.relative_to(Path(wsss_lib.__file__).parents[1])
    package = importlib.import_module(".".join(place.parts))
    modules, others = imports(stub)
    assert sorted([*modules, *others]) == sorted(package.__all__)
    assert all(isinstance(getattr(package, name), ModuleType) for name in modules)
    assert not any(isinstance(getattr(package, name), ModuleType) for name in others)


def test_importing_the_library_loads_nothing_heavy():
    code = "import sys, wsss_lib; print({'torch', 'matplotlib', 'pandas'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
