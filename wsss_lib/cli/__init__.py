"""The command line ``wsss``: thin commands over the library."""

import sys
from pathlib import Path

import click

from wsss_lib.cli.options import DATA, DATASET, FILE_THAT_IS_THERE
from wsss_lib.cli.score import score
from wsss_lib.cli.sweeps import expand, second_stage, study, table1
from wsss_lib.cli.train import train
from wsss_lib.cli.weak import compare, pseudo
from wsss_lib.errors import WsssError
from wsss_lib.paths import shown


class _Group(click.Group):
    """Show the kit's own errors as one sentence and exit with 1."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except WsssError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Group, context_settings={"show_default": True})
@click.version_option(package_name="wsss-study-kit")
def main() -> None:
    """WSSS study kit: image-specific classifiers for weakly supervised segmentation."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def doctor(as_json: bool) -> None:
    """Check versions, memory, device, data and weights; say what to do next."""
    from wsss_lib import doctor

    checks = doctor.examine()
    click.echo(doctor.as_json(checks) if as_json else doctor.as_text(checks))
    sys.exit(any(check.status == "missing" for check in checks))


@main.command()
@click.argument("name", type=click.Choice(["toy", "voc"]))
@DATA
def data(name: str, root: Path | None) -> None:
    """Make the toy set, or download PASCAL VOC 2012 and SBD (2 GB and 1.4 GB)."""
    from wsss_lib.datasets import load_dataset, make_toy
    from wsss_lib.datasets.voc import prepare_voc
    from wsss_lib.paths import data_root

    if name == "voc":
        prepare_voc(root or data_root())
    elif root:
        make_toy(root)
    dataset = load_dataset(name, root=root, need_masks=False)
    click.echo(f"{name}: {len(dataset)} train images in {shown(dataset.devkit)}")


@main.command()
@DATASET
@click.argument("numbers", nargs=-1)
@click.option("--timeout", type=int, help="Seconds that one cell may take [1800; voc: a week].")
@click.option(
    "--parameters",
    type=FILE_THAT_IS_THERE,
    help="YAML of parameters by notebook; overrides notebooks/parameters/<dataset>.yaml.",
)
def notebooks(
    dataset: str, numbers: tuple[str, ...], timeout: int | None, parameters: Path
) -> None:
    """Execute the notebooks (all, or e.g. 03 05) headless with papermill."""
    from wsss_lib.run import find_notebooks, read_parameters, run_notebooks

    own = read_parameters(parameters) if parameters else {}
    run_notebooks(find_notebooks(numbers), dataset, own, timeout)


@main.command()
@DATASET
def figures(dataset: str) -> None:
    """Draw the paper's figures and Table 1 into figures/<dataset>/: notebook 15, headless."""
    from wsss_lib.run import find_notebooks, run_notebooks

    run_notebooks(find_notebooks(["15"]), dataset)


@main.command()
@DATASET
@click.option("--out", type=Path, help="Folder of the pages [build/html].")
def html(dataset: str, out: Path | None) -> None:
    """Make web pages of the executed notebooks and of the API; they load nothing from the net."""
    from wsss_lib.site import build_site

    click.echo(f"Written to {shown(build_site(dataset, out))}")


for command in (train, table1, study, pseudo, compare, score, second_stage, expand):
    main.add_command(command)
