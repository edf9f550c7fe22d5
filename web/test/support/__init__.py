"""Helpers that the levels of tests share."""

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
"""A user agent that counts as a person."""

TOKEN = "a token of the owner"  # nosec B105
"""The token of the site owner, in tests that set one."""
