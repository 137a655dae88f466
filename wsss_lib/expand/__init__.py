"""From labelled pixels to a mask: sample selection and the image-specific classifier."""
