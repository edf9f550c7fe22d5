"""The API: the same numbers as JSON and CSV."""
