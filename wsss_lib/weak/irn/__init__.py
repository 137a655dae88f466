"""IRN: affinities of pixels, learnt from seeds, and the random walk along them."""
