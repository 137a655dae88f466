"""The study: every image, every feature, every setting; pooled scores and tables."""
