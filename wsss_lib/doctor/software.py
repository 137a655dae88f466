"""Checks of the software: Python, the packages and their versions, and Jupyter."""

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from wsss_lib.doctor.checks import Check, missing, note

KIT = "wsss-study-kit"

_WIDGETS = "share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager"


def packages() -> list[Check]:
    """A check of every package that the kit asks for (pyproject.toml), without the extras.

    numba has a check of its own: without it everything runs, slowly.
    """
    try:
        wanted = [Requirement(text) for text in requires(KIT)]
    except PackageNotFoundError:
        why = "nothing says which versions are wanted"
        return [missing(KIT, "not installed", why, "run 'pip install -e .' in the checkout")]
    wanted = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    return [_package(each) for each in wanted if each.name != "numba"]


def _package(wanted: Requirement) -> Check:
    command = f"run 'python -m pip install \"{wanted.name}{wanted.specifier}\"'"
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return missing(wanted.name, "not installed", "the kit imports it", command)
    if not wanted.specifier.contains(found, prereleases=True):
        why = f"{wanted.specifier} is tested; what the kit calls may lack or differ"
        return note(wanted.name, f"{found}, outside {wanted.specifier}", why, command)
    return Check(wanted.name, found)


def _python(name: str) -> Check:
    found = f"{platform.python_version()} on {platform.platform()}"
    wanted = SpecifierSet(metadata(KIT)["Requires-Python"])
    if wanted.contains(platform.python_version(), prereleases=True):
        return Check(name, found)
    why = f"the kit is written for Python {wanted}"
    return missing(name, found, why, "run 'rm -r .venv; make setup PYTHON=python3.12', or a newer")


def _venv(name: str) -> Check:
    if find_spec("venv") and find_spec("ensurepip"):
        return Check(name, "python -m venv works")
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    why = "'make setup' cannot make another .venv"
    return note(name, "no venv or ensurepip here", why, f"run 'sudo apt install {package}'")


def _kernel(name: str) -> Check:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    command = "run 'python -m ipykernel install --sys-prefix --name python3'"
    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        command = f"run 'python -m pip install ipykernel', then {command}"
        return missing(name, "no kernel python3", "the notebooks run in it", command)
    # a bare name stands for the Python that starts the kernel
    here = Path(sys.executable).parent
    if os.path.dirname(program) and Path(program).parent.resolve() != here.resolve():
        why = "the notebooks would run in another environment, without this library"
        return missing(name, f"python3 is {program}, not {sys.executable}", why, command)
    return Check(name, "python3 of this environment")


def _widgets(name: str) -> Check:
    """Look for the front-end of the widgets in this Jupyter, and in the one on the PATH."""
    why = "sliders and buttons would show as text"
    if not (Path(sys.prefix) / _WIDGETS).is_dir():
        command = "run 'python -m pip install --force-reinstall jupyterlab_widgets'"
        return note(name, "JupyterLab has no front-end for ipywidgets here", why, command)
    first = shutil.which("jupyter-lab") or shutil.which("jupyter")
    prefix = Path(first).resolve().parent.parent if first else Path(sys.prefix)
    if not (prefix / _WIDGETS).is_dir():
        return note(name, f"{first} is another Jupyter without a front-end", why, "run 'make lab'")
    return Check(name, "front-end of ipywidgets found")


def _numba(name: str) -> Check:
    why = "the SVM falls back to plain NumPy, many times slower"
    command = "run 'python -m pip install --upgrade numba'"
    try:
        import numba
    except Exception as error:  # llvmlite fails in ways of its own
        return note(name, f"cannot be imported ({error})", why, command)
    return Check(name, numba.__version__)


def _waiting(name: str) -> Check:
    policy = os.environ.get(name, "not set")
    if policy.upper() == "PASSIVE" or os.cpu_count() == 1:
        return Check(name, policy)
    why = "with several workers, threads that wait busily for each other are many times slower"
    return note(name, policy, why, f"run 'export {name}=PASSIVE' (make does)")


LOOKS = {
    "python": _python,
    "venv": _venv,
    "numba": _numba,
    "kernel": _kernel,
    "widgets": _widgets,
    "OMP_WAIT_POLICY": _waiting,
}
