"""The engine of the image-specific SVM: exact fits and predictions on small feature maps."""
