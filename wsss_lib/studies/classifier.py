"""Whether the image-specific classifier has to be an SVM.

The paper trains SVMs (section 3.2) and compares them with nothing. The study puts common
classifiers in their place, with scikit-learn's settings and the same samples: on the best single
layer, and on all layers concatenated beside the product of their kernels. Notebook 05 shows some of
them on one image.
"""

from dataclasses import replace

from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.pixels import CLASSIFIERS
from wsss_lib.studies.bound import FAIR
from wsss_lib.studies.study import Study

LAYER, JOINED, PRODUCT = "F4", "F1+F2+F3+F4+F5", "F1*F2*F3*F4*F5"
#: By their kernels and C: the SVMs, the linear one also softer, and the others.
KINDS = (("rbf", 1.0), ("linear", 1.0), ("linear", 0.01), *((name, 1.0) for name in CLASSIFIERS))
#: Left out where layers are joined: they take as long as all the others together.
SLOW = ("5 neighbours", "gradient boosting")


def settings(samples: int, seed: int) -> list[Setting]:
    """All classifiers on one layer and on all, and the product of all layers' kernels."""
    single = [(LAYER, *kind) for kind in KINDS]
    joined = [(JOINED, *kind) for kind in KINDS if kind[0] not in SLOW]
    return [
        Setting(feature, samples, kernel, C, seed=seed, sampling=sampling)
        for sampling in ("uniform", FAIR)
        for feature, kernel, C in (*single, *joined, (PRODUCT, "rbf", 1.0))
    ]


def _svm(setting: Setting) -> list[Setting]:
    """The RBF SVM; of layers joined, the product of their kernels."""
    feature = PRODUCT if setting.feature == JOINED else LAYER
    return [replace(setting, feature=feature, kernel="rbf", C=1.0)]


STUDY = Study("classifier", "Does it have to be an SVM?", settings, reference=_svm)
