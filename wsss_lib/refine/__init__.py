"""From a rough mask or scores to a better mask: pixels that look alike get labels alike."""
