"""Tables of IoU: the best of each class in bold, the paper beside it, the order of features."""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path

import pandas as pd
from pandas.io.formats.style import Styler

from wsss_lib import paper
from wsss_lib.files import write_text


def styled_table(table: pd.DataFrame, caption: str) -> Styler:
    """A table of IoU in % with the best of each column in bold, as in the paper's Table 1.

    Parameters
    ----------
    table : DataFrame
        One row per feature, one column per class; NaN where a class is absent. Of a table by
        `beside_paper` the best of each source is bold.
    caption : str
        Which data set, network and setting it is of.

    Returns
    -------
    Styler
        Shown as HTML in a notebook; `write_styled` writes it.
    """
    grouped = table.groupby(level="source") if "source" in table.index.names else None
    best = table.eq(table.max() if grouped is None else grouped.transform("max"))
    bold = best.replace({True: "font-weight: bold;", False: ""})
    return (
        table.style.format("{:.2f}", na_rep="")
        .apply(lambda _: bold, axis=None)
        .set_caption(caption)
    )


def write_styled(styled: Styler, folder: Path, name: str) -> list[Path]:
    """Write a styled table as ``<name>.html`` (a whole page) and ``<name>.tex`` (a table).

    Returns
    -------
    list of Path
        The two files.
    """
    escaped = copy(styled).set_caption(re.sub(r"([&%$#_{}])", r"\\\1", styled.caption))
    text = escaped.to_latex(convert_css=True, hrules=True, position_float="centering")
    return [
        write_text(folder / f"{name}.html", styled.to_html(doctype_html=True, table_uuid=name)),
        write_text(folder / f"{name}.tex", text),
    ]


def covered(table: pd.DataFrame, classes: Sequence[str] | None = None) -> pd.DataFrame:
    """The classes that have a score, and their mean under a name that says over how many.

    Parameters
    ----------
    table : DataFrame
        IoU in %, one row per feature, one column per class of the data set (empty where absent),
        and ``mean``.
    classes : sequence of str, optional
        Only these classes, where a run shows others by chance and in few images.

    Returns
    -------
    DataFrame
        The last column is ``mean`` where every class of the data set has a score, else ``mean of
        6`` and the like.
    """
    everything = table.columns.drop("mean")
    chosen = [name for name in everything if classes is None or name in classes]
    left = table[chosen].dropna(axis=1, how="all")
    whole = left.shape[1] == len(everything)
    return left.assign(**{"mean" if whole else f"mean of {left.shape[1]}": left.mean(axis=1)})


def beside_paper(table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Put the paper's Table 1 below each of our rows, for the classes that the run covered.

    Parameters
    ----------
    table : DataFrame
        As `covered` gives it.
    dataset : str
        On ``"voc"`` the paper's rows are added; other data sets have other classes, and nothing
        that could be compared.

    Returns
    -------
    DataFrame
        Indexed by ``feature`` and ``source`` (``this run``, ``paper``). The mean is taken over the
        same classes for both; of all classes it is the one that the paper prints.
    """
    *classes, mean = table.columns
    sources = {"this run": table}
    if dataset == "voc":
        theirs = paper.table1().reindex(index=table.index, columns=table.columns)
        theirs[mean] = theirs[mean].fillna(theirs[classes].mean(axis=1))
        sources["paper"] = theirs.dropna()
    stacked = pd.concat(sources, names=["source", "feature"]).swaplevel()
    order = [(feature, source) for feature in table.index for source in sources]
    return stacked.loc[[key for key in order if key in stacked.index]]


def differences(
    table: pd.DataFrame, held_out: pd.DataFrame, dataset: str
) -> tuple[pd.DataFrame, str]:
    """A run minus what it is compared with: on VOC the paper, elsewhere held-out pixels.

    Parameters
    ----------
    table, held_out : DataFrame
        IoU in % of all and of held-out pixels, as `covered` gives them.
    dataset : str

    Returns
    -------
    DataFrame
        Differences in points, for the rows and classes that both have. The mean is that of the
        differences.
    str
        What they are, for a colour bar.
    """
    *classes, mean = table.columns
    other, label = held_out, "all minus held-out (points)"
    if dataset == "voc":
        other, label = paper.table1(), "this run minus the paper (points)"
    both = table[classes] - other.reindex(index=table.index, columns=classes)
    both = both.dropna(axis=0, how="all").dropna(axis=1, how="all")
    name = mean if both.shape[1] == len(classes) else f"mean of {both.shape[1]}"
    return both.assign(**{name: both.mean(axis=1)}), label


def order_table(
    scores: pd.DataFrame, by: str, against: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """The order of the features, best first, and by how much the best is ahead.

    Parameters
    ----------
    scores : DataFrame
        Lines of `wsss_lib.evaluate.scores.score_table`.
    by : str
        The column that makes the rows, such as ``sampling``.
    against : mapping of str to DataFrame, optional
        Lines of the same table to be beaten, such as those of a control. The best of them counts.

    Returns
    -------
    DataFrame
        Indexed by `by`: ``order``, the mean IoU in % of the ``best`` feature, and how many points
        it is above the ``worst`` one and above the best line of each of `against`.
    """
    rows = {}
    for key, lines in scores.groupby(by, sort=False):
        ranked = lines.set_index("feature")["mean"].sort_values(ascending=False)
        best = ranked.iloc[0]
        rows[key] = {"order": " > ".join(ranked.index), "best": best}
        rows[key]["minus worst"] = best - ranked.iloc[-1]
        for name, others in (against or {}).items():
            rows[key][f"minus {name}"] = best - others.loc[others[by] == key, "mean"].max()
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(by)
