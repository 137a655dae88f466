"""Networks that learn from image-level labels: training, features, activation maps."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "backbones": ["build_backbone"],
        "network": ["activation_places", "cam_shares", "class_activation_maps"],
        "sipe": ["SIPESettings", "image_specific_cams"],
        "spec": ["BackboneSpec", "choose_backbone", "choose_classifier", "training_images"],
        "train": [
            "PRESETS",
            "ClassifierSettings",
            "average_precision",
            "image_scores",
            "load_trained",
            "train_classifier",
        ],
    },
)
