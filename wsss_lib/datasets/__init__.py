"""Data sets: the toy set, PASCAL VOC 2012, and their reader."""
