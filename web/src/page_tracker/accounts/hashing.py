"""Random secrets and their hashes: Redis has the hashes only."""

import hashlib
import hmac
import secrets

BYTES = 32
"""So long that nobody finds a secret by trying: a fast hash is enough."""


def new_secret(prefix: str = "") -> str:
    """Return a random secret that is safe in an address and in a header."""
    return f"{prefix}{secrets.token_urlsafe(BYTES)}"


def hash_of(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def is_secret_of(given: str, stored: str) -> bool:
    """Say whether a secret has a stored hash. None has an empty one."""
    return bool(stored) and hmac.compare_digest(hash_of(given), stored)
