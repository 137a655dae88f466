"""What a study is: a question, and the settings that are swept for it, or what seeds are for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from wsss_lib.evaluate.settings import Setting
from wsss_lib.features import needs_backbone
from wsss_lib.report import Report

#: All pixels, as in the paper, and those that were not sampled.
BOTH = ("confusion", "held_out")


@dataclass(frozen=True)
class Study:
    """What a study sweeps and where it scores.

    Attributes
    ----------
    name : str
        As in ``wsss study NAME``.
    question : str
    settings : callable
        ``settings(samples, seed)`` gives a list of `Setting`, for a number of samples per class.
    regions : sequence of str
        See `wsss_lib.evaluate.regions.region_of`.
    reference : callable, optional
        What a setting is compared with in a table of ``differences``, see
        `wsss_lib.evaluate.scores.difference_table`.
    tables : callable, optional
        ``tables(result, over)`` gives the study's own tables by name, beside the scores;
        ``over`` holds the short names of the classes that count, or is None for all.
    beside_paper : bool
        Whether the scores are compared with the paper's Table 1.
    untrained : callable, optional
        ``untrained(samples, seed)`` gives those settings that are swept with random weights of the
        same network, too, which are then subtracted.
    """

    name: str
    question: str
    settings: Callable[[int, int], list[Setting]]
    regions: Sequence[str] = BOTH
    reference: Callable[[Setting], list[Setting]] | None = None
    tables: Callable[..., Mapping[str, pd.DataFrame]] | None = None
    beside_paper: bool = False
    untrained: Callable[[int, int], list[Setting]] | None = None

    @property
    def needs_network(self) -> bool:
        """Whether a setting reads features of the network."""
        return any(needs_backbone(setting.feature) for setting in self.settings(1, 0))


@dataclass(frozen=True)
class SeedStudy:
    """What a study does with seeds, without a sweep.

    Attributes
    ----------
    name : str
        As in ``wsss study NAME``.
    question : str
    run : callable
        ``run(dataset, seeds, over=..., seed=...)`` gives the `Report`; ``seeds`` are a `Localiser`
        or `SeedFiles`.
    """

    name: str
    question: str
    run: Callable[..., Report]
