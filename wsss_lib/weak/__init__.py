"""Weak supervision: from image-level labels to pseudo masks, a step at a time."""
