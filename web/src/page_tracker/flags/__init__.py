"""Feature flags from a file, and the experiment on the look of the counter page."""
