"""The checks of `page-tracker verify` in Redis."""
