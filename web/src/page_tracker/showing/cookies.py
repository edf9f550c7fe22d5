"""The cookies of those who read numbers: none for visitors of counted sites."""

import hashlib

from flask import Response, current_app, request

SESSION = "pt_session"
"""The secret of a session."""

KNOWN = "pt_known"
"""Tells that a user signed in before in this browser."""

YEAR = 365 * 24 * 60 * 60
"""Seconds."""


def name_of_link(site: str) -> str:
    """Return the name of the cookie for the shared link of a site."""
    return f"pt_link_{hashlib.sha256(site.encode()).hexdigest()[:16]}"


def is_by_https() -> bool:
    """Say whether visitors come by https, as the request or PAGE_TRACKER_URL says."""
    return request.is_secure or bool(current_app.config["SESSION_COOKIE_SECURE"])


def set_cookie(answer: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie that no script reads and no other site's form sends."""
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=f"{request.script_root}/",
        secure=is_by_https(),
        httponly=True,
        samesite="Lax",
    )


def drop_cookie(answer: Response, name: str) -> None:
    """Remove a cookie."""
    set_cookie(answer, name, "", 0)
