"""SIPE: a network that learns, with CAM, prototypes of the classes in each single image."""
