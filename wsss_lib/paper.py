"""The paper's own numbers: Lyu, Beauseroy, Baussard, ICPRAM 2024."""

from importlib import resources

import pandas as pd


def table1() -> pd.DataFrame:
    """Table 1: IoU in % on VOC 2012 train; one row a feature, one column a class, and ``mean``."""
    with resources.files("wsss_lib").joinpath("table1_paper.csv").open() as file:
        return pd.read_csv(file, index_col="feature")
