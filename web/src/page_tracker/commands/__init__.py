"""The commands of page-tracker, except `serve`."""
