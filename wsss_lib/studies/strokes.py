"""Which SVM segments a photograph best from strokes.

Strokes are few, long and in the middle of things, so what is good for pixels that were drawn from
all over a mask (`which_svm`) need not be good for them. The study simulates strokes and varies the
layers of the product, gamma and C; `wsss_lib.evaluate.photo` has its defaults from it.
"""

from dataclasses import replace

from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.studies.study import Study

#: Of the strokes, in pixels.
LENGTHS = (40, 160)
LAYERS = ("F4", "F3*F4*F5", "F1*F2*F3*F4*F5")
GAMMAS = ("scale", "0.3xscale", "0.1xscale", "0.03xscale")
#: Other C than 1, with the third of the gammas.
COSTS = (0.1, 10.0)


def settings(samples: int, seed: int) -> list[Setting]:
    """All layers with all gammas, and one gamma with other C; for strokes of both lengths."""
    svms = [(1.0, gamma) for gamma in GAMMAS] + [(C, GAMMAS[2]) for C in COSTS]
    return [
        Setting(layer, samples, C=C, gamma=gamma, seed=seed, sampling=f"strokes{length}")
        for length in LENGTHS
        for layer in LAYERS
        for C, gamma in svms
    ]


def _usual(setting: Setting) -> list[Setting]:
    """The product of all layers with scikit-learn's C and gamma."""
    return [replace(setting, feature=LAYERS[-1], **svm_preset("sklearn"))]


STUDY = Study(
    "strokes",
    "Which SVM segments best from strokes?",
    settings,
    regions=("confusion",),
    reference=_usual,
)
