"""Several ways from seed to mask, compared on the same images.

A chain is a seed and the steps after it (`wsss_lib.weak.steps`); all chains of a comparison have
the same seed. Scores are pooled over the images, and each is compared with that of one chain draw
by draw, so that what all have in common widens no interval. A chain that ends in a step with rounds
has a line for each of them, too.
"""

from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.engine import SweepResult
from wsss_lib.errors import DataError, ParameterError
from wsss_lib.evaluate.exploration import image_iou
from wsss_lib.metrics import dense, drawn_scores, interval, pooled_line, pooled_score
from wsss_lib.paths import shown
from wsss_lib.report import Report
from wsss_lib.weak.chain import check_order, make_steps
from wsss_lib.weak.masks import pseudo_masks
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.steps import Step

#: What the seed's own line is called.
SEED = "seed"
#: An image whose own mean IoU falls by more than these points is harmed; if it rises, helped.
POINTS = 2.0

#: What `make_steps` gets from elsewhere than the description of a chain.
_GIVEN = ("names", "dataset", "localiser", "edges", "centroids")

#: A line of the table: a chain, and the round after which it stops; None for its own end.
Line = tuple[str, int | None]


def compare_chains(
    dataset: DevkitDataset,
    chains: Mapping[str, Sequence[Step]],
    *,
    against: str | None = None,
    over: Sequence[str] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    store: str | Path | None = None,
) -> Report:
    """Take every image through all chains, and score what each makes of the seed.

    Rows are stored as `wsss_lib.weak.masks.pseudo_masks` does: run again after a stop, only what is
    missing is made.

    Parameters
    ----------
    dataset : DevkitDataset
        With ground truth.
    chains : mapping of str to sequence of Step
        By what they are called; all begin with the same `Seed`.
    against : str, optional
        The chain whose end the others are compared with; the seed when left out.
    over : sequence of str, optional
        Short names of the classes to show and average; all that have a score when left out.
    workers, scheduler, store
        As in `wsss_lib.engine.run_job`.

    Returns
    -------
    Report
        ``chains``, see `chain_table`, and ``images``, see `image_table`: of the images with ground
        truth that every chain could do.

    Raises
    ------
    DataError
        If there is no such image.
    ParameterError
        If there is no chain, one is called ``seed`` or begins with another seed, or there is no
        chain or class of a name.
    """
    chosen = dataset.classes.places(over)
    check_chains(chains, against)
    results = {}
    for name in sorted(chains, key=lambda name: -len(chains[name])):
        # the longest first: what others begin with is stored by then
        results[name] = pseudo_masks(
            dataset, chains[name], workers=workers, scheduler=scheduler, store=store
        )
    results = {name: results[name] for name in chains}
    lines = chain_lines(results, against)
    tables = {
        "chains": chain_table(lines, dataset.classes, chosen),
        "images": image_table(lines),
    }
    failures = {id_: why for result in results.values() for id_, why in result.failures.items()}
    return Report(tables, _provenance(results, tables), failures)


def check_chains(chains: Mapping[str, Sequence[Step]], against: str | None = None) -> None:
    """Raise `ParameterError` unless they can be compared, see `compare_chains`."""
    if not chains:
        raise ParameterError("No chain to compare; at least one was expected.")
    for steps in chains.values():
        check_order(steps)
    first, *_ = chains
    for name, steps in chains.items():
        if name == SEED:
            raise ParameterError(f"A chain is called {SEED!r}, as the line of the seed; rename it.")
        if steps[0] != chains[first][0]:
            raise ParameterError(
                f"The chain {name!r} begins with another seed than {first!r}; expected one seed "
                "for all, so that they can be compared."
            )
    if against is not None and against not in chains:
        raise ParameterError(f"No chain {against!r}; the chains are {', '.join(chains)}.")


def chain_lines(
    results: Mapping[str, SweepResult], against: str | None = None
) -> dict[Line, list[dict]]:
    """The images of every chain, at its end and after each round of its last step.

    Parameters
    ----------
    results : mapping of str to SweepResult
        As `wsss_lib.weak.masks.pseudo_masks` gives them for chains of one seed.
    against : str, optional
        As in `compare_chains`.

    Returns
    -------
    dict of (str, int or None) to list of dict
        The line that the others are compared with first, then the seed and the chains as they come:
        rounds 1 to R, then the end. Of each image, in the order of the data set: ``id``,
        ``confusion``, its own mean ``iou`` in %, ``seconds`` after the seed, and ``signs``, what is
        known of the round without ground truth. An image that had fewer rounds stays as it was.

    Raises
    ------
    DataError
        If no image has ground truth and a row of every chain.
    """
    known = [
        {row["id"] for row in rows if "confusion" in row}
        for result in results.values()
        for rows in result.rows.values()
    ]
    compared = set.intersection(*known)
    if not compared:
        raise DataError(
            "No image has ground truth and went through all chains; at least one was expected."
        )
    lines = {}
    for name, result in results.items():
        columns = [[row for row in rows if row["id"] in compared] for rows in result.rows.values()]
        images = list(zip(*columns, strict=True))
        n_classes = len(result.dataset.classes)
        lines[SEED, None] = [_image_after(image[:1], None, n_classes) for image in images]
        rounds = max(len(image[-1].get("rounds", ())) for image in images)
        for number in (*range(1, rounds + 1), None):
            lines[name, number] = [_image_after(image, number, n_classes) for image in images]
    first = (against or SEED, None)
    return {first: lines[first]} | lines


def _image_after(rows: Sequence[dict], number: int | None, n_classes: int) -> dict:
    """An image after its steps, or after a round of the last of them; the seed takes no time."""
    seed, *spent = rows
    end, signs = rows[-1], {}
    if number is not None:
        rounds = end.get("rounds", [])[:number]
        spent = [*spent[:-1], *rounds[-1:]]  # its seconds are those since the step began
        if rounds:
            end = rounds[-1]
            signs = {name: end[name] for name in end if name not in ("confusion", "seconds")}
    return {
        "id": seed["id"],
        "confusion": end["confusion"],
        "iou": image_iou(dense(end["confusion"], n_classes)),
        "seconds": float(sum(each["seconds"] for each in spent)),
        "signs": signs,
    }


def chain_table(
    lines: Mapping[Line, Sequence[dict]], classes: ClassSet, chosen: Sequence[int]
) -> pd.DataFrame:
    """Scores of chains and rounds, pooled over the images, and what they gain.

    Parameters
    ----------
    lines : mapping of (str, int or None) to sequence of dict
        As `chain_lines` gives them.
    classes : ClassSet
    chosen : sequence of int
        The classes to show and average.

    Returns
    -------
    DataFrame
        ``chain``; ``round``, empty at the chain's end; IoU in % of each class (NaN where none of
        its pixels counts); ``mean`` with its 95 % interval over images ``mean_low`` to
        ``mean_high``; the ``gain`` over the first line in points, with the interval ``gain_low`` to
        ``gain_high`` of the differences draw by draw; the share in % of images that are ``harmed``
        and ``helped``, see `POINTS`; and the mean ``seconds`` per image after the seed.
    """
    draws = {line: image_draws(images, classes, chosen) for line, images in lines.items()}
    table, (first, *_) = [], lines
    for (name, number), images in lines.items():
        own = draws[name, number]
        confusions = [image["confusion"] for image in images]
        line = {"chain": name, "round": number} | pooled_line(confusions, own, classes, chosen)
        line |= gain_line(images, lines[first], own - draws[first], classes, chosen)
        line["seconds"] = np.mean([image["seconds"] for image in images])
        table.append(line)
    return pd.DataFrame(table).astype({"round": "Int64"})


def image_draws(images: Sequence[dict], classes: ClassSet, chosen: Sequence[int]) -> np.ndarray:
    """The scores of draws of some images, see `wsss_lib.metrics.drawn_scores`."""
    return drawn_scores([image["confusion"] for image in images], len(classes), chosen)


def gain_line(
    images: Sequence[dict],
    reference: Sequence[dict],
    differences: np.ndarray,
    classes: ClassSet,
    chosen: Sequence[int],
) -> dict[str, float]:
    """What masks gain on others of the same images: ``gain`` to ``helped`` of `chain_table`.

    Parameters
    ----------
    images, reference : sequence of dict
        Each with its ``confusion``, as `wsss_lib.metrics.sparse` gives it, and with the image's
        own mean ``iou`` in %, in the same order.
    differences : ndarray, shape (DRAWS,), float64
        Of their `image_draws`.
    classes, chosen
        As there.
    """
    found = [[image["confusion"] for image in each] for each in (images, reference)]
    own, other = (pooled_score(each, len(classes), chosen) for each in found)
    low, high = interval(differences)
    gains = image_gains(images, reference)
    harmed, helped = 100 * (gains < -POINTS).mean(), 100 * (gains > POINTS).mean()
    line = {"gain": own - other, "gain_low": low, "gain_high": high}
    return line | {"harmed": harmed, "helped": helped}


def image_table(lines: Mapping[Line, Sequence[dict]]) -> pd.DataFrame:
    """One row for each image, chain and round: what a study of harm reads.

    Parameters
    ----------
    lines : mapping of (str, int or None) to sequence of dict
        As `chain_lines` gives them.

    Returns
    -------
    DataFrame
        ``id``, ``chain``, ``round``, the image's own mean ``iou`` in %, its ``gain`` over the first
        line in points, ``seconds`` after the seed, and a column for each sign of the rounds.
    """
    reference, table = next(iter(lines.values())), []
    for (name, number), images in lines.items():
        for image, gain in zip(images, image_gains(images, reference), strict=True):
            row = {"id": image["id"], "chain": name, "round": number, "iou": image["iou"]}
            table.append(row | {"gain": gain, "seconds": image["seconds"]} | image["signs"])
    return pd.DataFrame(table).astype({"round": "Int64"})


def image_gains(images: Sequence[dict], reference: Sequence[dict]) -> np.ndarray:
    """What the own mean IoU of each image gains, in points."""
    own = np.array([image["iou"] for image in images])
    return own - [image["iou"] for image in reference]


def _provenance(results: Mapping[str, SweepResult], tables: Mapping[str, pd.DataFrame]) -> dict:
    """What the sweeps have in common, and the steps of each chain."""
    table = tables["chains"]
    first = next(iter(results.values())).provenance
    own = ("steps", "edges", "seconds_per_image")
    left = (*own, "images", "scored", "failures", "versions")
    named = zip(table["chain"], table["round"], strict=True)
    names = [name if pd.isna(number) else f"{name}, round {number}" for name, number in named]
    return {
        **{name: value for name, value in first.items() if name not in left},
        "images": tables["images"]["id"].nunique(),
        "against": names[0],
        "chains": {
            name: {"steps": found.provenance["steps"], "edges": found.provenance["edges"]}
            for name, found in results.items()
        },
        "seconds_per_image": dict(zip(names, table["seconds"].round(3), strict=True)),
        "versions": first["versions"],
    }


def read_chains(path: Path) -> dict[str, dict[str, object]]:
    """Chains by name from a YAML file, each with ``steps: seed,svm,crf`` and with parameters.

    Returns
    -------
    dict of str to dict
        As `make_chains` takes them.

    Raises
    ------
    ParameterError
        If the file is not there or of another form.
    """
    expected = "expected chains by name, such as 'weak: {steps: \"seed,svm,crf\", C: 0.1}'"
    try:
        found = yaml.safe_load(Path(path).read_bytes())  # YAML knows its encodings
    except (OSError, yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        raise ParameterError(f"Cannot read {shown(path)}: {error}; {expected}.") from None
    if not found or not isinstance(found, dict) or not all(map(_is_chain, found.values())):
        raise ParameterError(f"{shown(path)} holds something else; {expected}.")
    return {
        str(name): chain | {"steps": [step.strip() for step in chain["steps"].split(",")]}
        for name, chain in found.items()
    }


def _is_chain(found: object) -> bool:
    return isinstance(found, dict) and isinstance(found.get("steps"), str)


def make_chains(
    chains: Mapping[str, Mapping[str, object]],
    dataset: DevkitDataset,
    *,
    localiser: Localiser | SeedFiles,
    edges: str | Path | None = None,
    centroids: str | Path | None = None,
) -> dict[str, tuple[Step, ...]]:
    """The steps of chains that are described by name.

    Parameters
    ----------
    chains : mapping of str to mapping
        ``steps``, a list of names, and any parameters of `wsss_lib.weak.chain.make_steps`.
    dataset, localiser, edges, centroids
        See there.

    Raises
    ------
    ParameterError
        If `make_steps` knows no such step or parameter, or refuses a value; the chain is named.
    """
    needed = {"localiser": localiser, "edges": edges, "centroids": centroids}
    made = {}
    for name, chain in chains.items():
        values = {key: value for key, value in chain.items() if key != "steps"}
        try:
            _check_values(values)
            made[name] = make_steps(chain["steps"], dataset, **needed, **values)
        except ParameterError as error:
            raise ParameterError(f"Chain {name!r}: {error}") from None
    return made


def _check_values(values: Mapping[str, object]) -> None:
    """Refuse what is no parameter of `make_steps`, or of another type."""
    found = signature(make_steps).parameters.items()
    known = {name: each for name, each in found if name not in _GIVEN}
    for name, value in values.items():
        if name not in known:
            raise ParameterError(
                f"No parameter {name!r}; expected steps and some of {', '.join(known)}."
            )
        kinds = known[name].annotation
        if not isinstance(value, kinds) and not (type(value) is int and isinstance(0.0, kinds)):
            raise ParameterError(f"{name}={value!r}; expected a value as in '{known[name]}'.")
