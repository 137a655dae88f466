"""The pipelines of the paper's Figures 1 and 5, box by box."""

from wsss_lib.show.pipelines import Pipeline

_TRAINING, _INFERENCE = ("training",), ("inference",)
_BOTH = _TRAINING + _INFERENCE
_DATA, _STEP, _SUPERVISION = "data", "network or step", "supervision"

#: Full and weak supervision (Figure 1, Section 1).
FIGURE1 = (
    Pipeline(
        "Full supervision (FSSS)",
        {
            "image": (0, 0, _DATA),
            "segmentation network": (1, 0, _STEP),
            "prediction": (2, 0, _DATA),
            "ground truth": (0, 1, _SUPERVISION),
            "segmentation loss": (1, 1, _STEP),
        },
        [
            ("image", "segmentation network", _BOTH),
            ("segmentation network", "segmentation loss", _TRAINING),
            ("ground truth", "segmentation loss", _TRAINING),
            ("segmentation network", "prediction", _INFERENCE),
        ],
    ),
    Pipeline(
        "Weak supervision with image-level labels (WSSS)",
        {
            "image": (0, 0, _DATA),
            "classification network": (1, 0, _STEP),
            "CAM": (2, 0, _DATA),
            "expansion": (3, 0, _STEP),
            "seed": (4, 0, _DATA),
            "refinement": (5, 0, _STEP),
            "image-level labels": (0, 1, _SUPERVISION),
            "classification loss": (1, 1, _STEP),
            "image (step 2)": (2, 1, _DATA),
            "segmentation network": (3, 1, _STEP),
            "segmentation loss": (4, 1, _STEP),
            "pseudo mask": (5, 1, _DATA),
            "prediction": (3, 2, _DATA),
        },
        [
            ("image", "classification network", _BOTH),
            ("classification network", "classification loss", _TRAINING),
            ("image-level labels", "classification loss", _TRAINING),
            ("classification network", "CAM", _INFERENCE),
            ("CAM", "expansion", _INFERENCE),
            ("expansion", "seed", _INFERENCE),
            ("seed", "refinement", _INFERENCE),
            ("refinement", "pseudo mask", _INFERENCE),
            ("image (step 2)", "segmentation network", _BOTH),
            ("segmentation network", "segmentation loss", _TRAINING),
            ("pseudo mask", "segmentation loss", _TRAINING),
            ("segmentation network", "prediction", _INFERENCE),
        ],
    ),
)

#: What follows on the samples in both pipelines of Figure 5.
_SVM = {
    "training set": (4, 1, _DATA),
    "test data of all pixels": (3, 2, _DATA),
    "SVM": (4, 2, _STEP),
    "prediction mask": (5, 2, _DATA),
}
_SVM_ARROWS = (
    ("training set", "SVM", _TRAINING),
    ("test data of all pixels", "SVM", _INFERENCE),
    ("SVM", "prediction mask", _INFERENCE),
)

#: The expansion with labels of seeds and with those of the ground truth (Figure 5, Section 3).
#: It is the SVM that is trained; the classification network is done.
FIGURE5 = (
    Pipeline(
        "a. Weak supervision: the seed labels the samples",
        {
            "image-level labels": (0, 0, _SUPERVISION),
            "image": (0, 1, _DATA),
            "classification network": (1, 1, _STEP),
            "CAM": (2, 0, _DATA),
            "seed": (3, 0, _DATA),
            "shallow features": (2, 2, _DATA),
            "sample selection": (3, 1, _STEP),
            **_SVM,
        },
        [
            ("image", "classification network", _BOTH),
            ("image-level labels", "CAM", _TRAINING),
            ("classification network", "CAM", _TRAINING),
            ("CAM", "seed", _TRAINING),
            ("classification network", "shallow features", _BOTH),
            ("CAM", "sample selection", _TRAINING),
            ("seed", "sample selection", _TRAINING),
            ("shallow features", "sample selection", _TRAINING),
            ("sample selection", "training set", _TRAINING),
            ("shallow features", "test data of all pixels", _INFERENCE),
            *_SVM_ARROWS,
        ],
    ),
    Pipeline(
        "b. Upper bound: the ground truth labels the samples",
        {
            "image": (0, 1, _DATA),
            "classification network": (1, 1, _STEP),
            "ground truth": (3, 0, _SUPERVISION),
            "feature maps F1 to F5": (2, 2, _DATA),
            "uniform random sampling": (3, 1, _STEP),
            **_SVM,
        },
        [
            ("image", "classification network", _BOTH),
            ("classification network", "feature maps F1 to F5", _BOTH),
            ("ground truth", "uniform random sampling", _TRAINING),
            ("feature maps F1 to F5", "uniform random sampling", _TRAINING),
            ("uniform random sampling", "training set", _TRAINING),
            ("feature maps F1 to F5", "test data of all pixels", _INFERENCE),
            *_SVM_ARROWS,
        ],
    ),
)
