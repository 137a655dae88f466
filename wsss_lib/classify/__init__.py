"""The classification network: backbones, training with image-level labels, CAM."""
