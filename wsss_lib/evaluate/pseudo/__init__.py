"""Pseudo masks: the steps from image-level labels to masks, one by one and over a data set."""
