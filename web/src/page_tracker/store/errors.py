"""The error of the Redis that Page Tracker starts."""


class RedisServerError(Exception):
    """Redis cannot be started or stopped; the message is one line for people."""
