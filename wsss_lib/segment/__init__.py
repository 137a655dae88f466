"""The second stage: a segmentation network learns from masks, true or pseudo ones (Figure 1)."""
