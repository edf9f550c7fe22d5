"""Health, logs, and the daily care of Redis' files."""
