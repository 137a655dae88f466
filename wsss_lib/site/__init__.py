"""The study as web pages: executed notebooks, an index of them, and the library's API."""
