"""The studies: one question a file, with its settings, its tables and its plots."""
