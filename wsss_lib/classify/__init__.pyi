__all__ = [
    "PRESETS",
    "BackboneSpec",
    "ClassifierSettings",
    "SIPESettings",
    "activation_places",
    "average_precision",
    "build_backbone",
    "cam_shares",
    "choose_backbone",
    "choose_classifier",
    "class_activation_maps",
    "image_scores",
    "image_specific_cams",
    "load_trained",
    "train_classifier",
    "training_images",
]

from .backbones import build_backbone
from .network import activation_places, cam_shares, class_activation_maps
from .sipe import SIPESettings, image_specific_cams
from .spec import BackboneSpec, choose_backbone, choose_classifier, training_images
from .train import (
    PRESETS,
    ClassifierSettings,
    average_precision,
    image_scores,
    load_trained,
    train_classifier,
)
