"""From images and settings to rows: what is computed, where, and how it is kept."""
