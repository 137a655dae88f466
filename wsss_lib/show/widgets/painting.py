"""Strokes on a photograph, step by step: what can be undone, and the masks that were made of it."""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from wsss_lib.datasets.classes import VOC, VOID
from wsss_lib.datasets.images import read_note, write_mask
from wsss_lib.datasets.strokes import read_strokes
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.cells import resize_labels
from wsss_lib.evaluate.photo import PhotoSegmenter, enlarged_mask
from wsss_lib.expand.strokes import paint_stroke, shrink_strokes
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import refine_by_crf

#: A mask of more classes would have colours that look alike.
MOST = len(VOC)
#: The steps that can be undone.
STEPS = 200
#: The steps whose scores are kept: those of four classes take 9 MB, with a CRF's.
_KEPT = 20


@dataclass(frozen=True)
class Step:
    """What was painted at some time.

    Attributes
    ----------
    strokes : ndarray, shape (h, w), uint8
        255 = not labelled.
    names : mapping of int to str
        Of the classes, by label.
    results : dict of (str or None) to ClassScores
        What was made of the strokes so far, by the CRF that refined it.
    """

    strokes: np.ndarray
    names: Mapping[int, str]
    results: dict[str | None, ClassScores] = field(default_factory=dict)


class Painting:
    """Strokes of several classes on a photograph, and the scores that an SVM learns from them.

    Parameters
    ----------
    segmenter : PhotoSegmenter
    names : sequence of str
        Of the classes 0, 1, 2, ...
    strokes : ndarray, shape (H, W) or (h, w), uint8, optional
        The first strokes; 255 = not labelled.

    Attributes
    ----------
    segmenter : PhotoSegmenter
    step : Step
        What is painted now.

    Raises
    ------
    ParameterError
        If there are no names, or more than 21.
    """

    def __init__(
        self, segmenter: PhotoSegmenter, names: Sequence[str], strokes: np.ndarray | None = None
    ) -> None:
        if not 1 <= len(names) <= MOST:
            raise ParameterError(f"{len(names)} names of classes; expected 1 to {MOST}.")
        size = segmenter.image.shape[:2]
        none = np.full(size, VOID, np.uint8)
        first = none if strokes is None else shrink_strokes(strokes, size)
        self.segmenter = segmenter
        self.step = Step(first, MappingProxyType(dict(enumerate(names))))
        self._past: deque[Step] = deque(maxlen=STEPS)
        self._future: list[Step] = []
        self._kept: deque[Step] = deque()
        self._prepared = False

    def prepare(self) -> None:
        """Do, once, what the first mask would wait for: extract the features, compile the SVM."""
        if not self._prepared:
            ends = np.full(self.step.strokes.shape, VOID, np.uint8)
            ends.flat[[0, -1]] = 0, 1
            self.segmenter.scores(ends)
            self._prepared = True

    def paint(self, points: Sequence[tuple[float, float]], label: int, width: float) -> None:
        """Add a stroke, see `wsss_lib.expand.strokes.paint_stroke`; of no class, it is left out."""
        if label in {*self.step.names, VOID}:
            self._change(strokes=paint_stroke(self.step.strokes, points, label, width))

    def clear(self) -> None:
        """Rub out all strokes."""
        self._change(strokes=np.full_like(self.step.strokes, VOID))

    def rename(self, label: int, name: str) -> None:
        """Give a class another name."""
        if self.step.names.get(label, name) != name:
            self._change(names={**self.step.names, label: name})

    def add(self) -> int | None:
        """Add a class: the first label that is free, or None where all 21 are taken."""
        free = next((label for label in range(MOST) if label not in self.step.names), None)
        if free is not None:
            self._change(names={**self.step.names, free: f"class {free}"})
        return free

    def remove(self, label: int) -> None:
        """Remove a class and its strokes; the others keep their labels. The last one stays."""
        names = {other: name for other, name in self.step.names.items() if other != label}
        strokes = self.step.strokes
        if names:
            self._change(np.where(strokes == label, VOID, strokes).astype(np.uint8), names)

    def read(self, path: str | Path) -> None:
        """Take the strokes of a file, and the names that `write` noted in it.

        Errors as of `wsss_lib.datasets.strokes.read_strokes`.
        """
        full = read_strokes(path, self.segmenter.full_size)
        strokes = shrink_strokes(full, self.step.strokes.shape)
        noted = re.findall(r"(?:^|, )(\d+) ((?:(?!, \d+ ).)*)", read_note(path))
        names = {int(label): name for label, name in noted} or dict(self.step.names)
        for label in np.setdiff1d(strokes, [VOID, *names]).tolist():
            names[label] = f"class {label}"
        self._change(strokes, names)

    def write(self, path: str | Path, kind: str, crf: str | None = None) -> None:
        """Write a palette PNG of the photograph's own size, in which the classes' names are noted.

        Parameters
        ----------
        path : path
        kind : {"strokes", "mask"}
            The strokes, which ``wsss expand`` takes, or the mask.
        crf : str, optional
            See `scores`.

        Raises
        ------
        ParameterError
            If there is no mask, since fewer than two classes are painted.
        """
        step, size = self.step, self.segmenter.full_size
        if kind == "strokes":
            picture = resize_labels(step.strokes, size)
        elif scores := self.scores(step, crf):
            picture = enlarged_mask(scores, size)
        else:
            raise ParameterError("There is no mask yet: paint strokes of two classes or more.")
        note = ", ".join(f"{label} {name}" for label, name in step.names.items())
        write_mask(path, picture, note)

    def undo(self) -> None:
        """Go back to the step before, if there is one."""
        if self._past:
            self._future.append(self.step)
            self.step = self._past.pop()

    def redo(self) -> None:
        """Take the last `undo` back, if nothing was changed since."""
        if self._future:
            self._past.append(self.step)
            self.step = self._future.pop()

    def is_made(self, crf: str | None) -> bool:
        """Whether the scores of what is painted now are there without computing."""
        return crf in self.step.results or not _two_classes(self.step)

    def scores(self, step: Step, crf: str | None = None) -> ClassScores | None:
        """The scores of a step, computed if they are not kept; None for fewer than two classes.

        Parameters
        ----------
        step : Step
        crf : str, optional
            As of `wsss_lib.evaluate.photo.PhotoSegmenter.scores`.
        """
        if not _two_classes(step):
            return None
        results = step.results
        if None not in results:
            results[None] = self.segmenter.scores(step.strokes)
            self._kept.append(step)
            if len(self._kept) > _KEPT:
                self._kept.popleft().results.clear()
        if crf and crf not in results:
            results[crf] = refine_by_crf(self.segmenter.image, results[None], crf)
        return results[crf]

    def _change(
        self, strokes: np.ndarray | None = None, names: Mapping[int, str] | None = None
    ) -> None:
        """Make a new step; what was made of the same strokes stays with them."""
        step = self.step
        names = step.names if names is None else MappingProxyType(dict(sorted(names.items())))
        if strokes is None or np.array_equal(strokes, step.strokes):
            after = Step(step.strokes, names, step.results)
        else:
            after = Step(strokes, names)
        self._past.append(step)
        self._future.clear()
        self.step = after


def _two_classes(step: Step) -> bool:
    return len(np.setdiff1d(step.strokes, [VOID])) >= 2
