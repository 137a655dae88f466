"""The paper's own numbers: Lyu, Beauseroy, Baussard, ICPRAM 2024."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def table1() -> pd.DataFrame:
    """Table 1: IoU in % on VOC 2012 train; rows are features, columns classes and ``mean``."""
    return pd.read_csv(Path(__file__).with_name("table1_paper.csv"), index_col="feature")


#: What is known of a number that was read somewhere; pictures draw it solid, all others hollow.
SOLID = ("yes", "aggregator")

_NUMBERS = {"pseudo": "pseudo masks", "test": "segmentation"}
_MEANINGS = {
    "unconfirmed": "Hollow, found in no source that could be read",
    "partial": "Hollow, of which sources give only a part",
    "aggregator": "Solid, but read only on a page that collects results",
    "missing": "Missing, so not drawn",
}


def results() -> pd.DataFrame:
    """Results on VOC 2012 of the methods in Figures 2 and 8, each with its source.

    Returns
    -------
    DataFrame
        One row per method and variant; main rows come first, in the order of the paper's Section 1:

        ``method``, ``variant``, ``year``, ``venue``
            The variant is ``main`` for the row that stands for the method.
        ``supervision``
            ``I`` is image-level labels, ``I+S`` saliency maps beside them, ``F`` full supervision;
            ``unknown`` where the source does not say.
        ``seed_miou``, ``pseudo_miou``, ``val_miou``, ``test_miou``
            In %: of seeds and pseudo masks on train, of the segmentation on val and test. NaN where
            no number was found.
        ``seed_confirmed``, ``pseudo_confirmed``, ``val_confirmed``, ``test_confirmed``
            ``yes``: read in a source. ``aggregator``: read only on a page that collects results and
            states no setting. ``partial``: sources give a part of it. ``unconfirmed``: found in no
            source that could be read. ``missing``: no number.
        ``plotted``, ``reason``
            Whether the figures show the row, and why.
        ``setting``, ``source``, ``remarks``
            Networks; clauses such as ``val, test: ...``, divided by ``|``; what else is to be
            known.

    Notes
    -----
    The paper prints no numbers beside its figures, so these may differ from what it draws. Never
    take one that is ``partial`` or ``unconfirmed`` for a fact.
    """
    return pd.read_csv(Path(__file__).with_name("literature.csv")).fillna({"remarks": ""})


def plotted_results() -> pd.DataFrame:
    """The rows of `results` that Figures 2 and 8 show, and in ``name`` what each goes by."""
    table = results()
    name = table["variant"].mask(table["variant"] == "main", table["method"])
    return table.assign(name=name)[table["plotted"]]


def reliability_note(table: pd.DataFrame) -> str:
    """Which numbers of Figures 2 and 8 are unverified or missing, and which rows stand in.

    Parameters
    ----------
    table : DataFrame
        As `plotted_results` gives it.

    Returns
    -------
    str
        Sentences, for a caption or an alternative text; empty where there is nothing to be said.
    """
    weak = table.query("supervision != 'F'")
    sentences = []
    for known, meaning in _MEANINGS.items():
        found = []
        for number, what in _NUMBERS.items():
            absent = weak[f"{number}_miou"].isna()
            chosen = weak[f"{number}_confirmed"].mask(absent, "missing") == known
            if chosen.any():
                found.append(f"{what} of {_listed(weak.loc[chosen, 'name'])}")
        if found:
            sentences.append(f"{meaning}: {'; '.join(found)}.")
    for _, row in weak[weak["variant"] != "main"].iterrows():
        sentences.append(f"Of {row['method']} the row {row['variant']} is taken: {row['reason']}.")
    return " ".join(sentences)


def remarks_note(table: pd.DataFrame) -> str:
    """What else is to be known of the rows in Figures 2 and 8, method by method.

    Parameters
    ----------
    table : DataFrame
        As `plotted_results` gives it.

    Returns
    -------
    str
        Sentences, for a caption; empty where there is nothing to be said.
    """
    rows = table.query("remarks != ''")
    return " ".join(f"{row['name']}: {row['remarks']}." for _, row in rows.iterrows())


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
