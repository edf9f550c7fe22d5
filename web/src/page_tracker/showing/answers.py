"""The answers of pages with forms: a page under its policy, or a way to another."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, make_response, render_template

from page_tracker.tracking.sites import Site

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {}"
)


def policy(ancestors: Sequence[str] = ()) -> str:
    """Return the policy of a page that some hosts may embed; none by default."""
    return POLICY.format(" ".join(ancestors) or "'none'")


def page_answer(
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Response:
    """Return a page of the dashboard."""
    answer = make_response(render_template(template, **context), status)
    answer.headers["Content-Security-Policy"] = policy()
    answer.headers.update(headers or {})
    return answer


def path_of(site: Site, *rest: str) -> str:
    """Return the path of a site's page."""
    return "/".join(("/dashboard", site.name, *rest))
