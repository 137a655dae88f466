"""Widgets: shells round pure functions, which do all the work."""
