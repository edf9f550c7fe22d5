"""The numbers of other counters and of logs, on their way in."""
