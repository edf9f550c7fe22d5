"""Every Redis key of Page Tracker, its type and its lifetime."""

PAGE_VIEWS = "page_views"
"""Views of the counter page itself: a string holding an integer, kept always."""
