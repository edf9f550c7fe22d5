"""People at browsers, who sign in and send forms."""

import re
from collections.abc import Mapping
from functools import cache
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from page_tracker.accounts.passwords import hash_password
from page_tracker.accounts.sessions import begin_session
from page_tracker.accounts.users import add_user
from page_tracker.showing.cookies import SESSION

PASSWORD = "correct horse"  # pragma: allowlist secret (made up)
HTML = {"Accept": "text/html"}
FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')

_hash_once = cache(hash_password)


class Person:
    """A person at a browser of their own."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, accept: str = "text/html") -> TestResponse:
        """Open a page."""
        return self.client.get(path, headers={"Accept": accept})

    def form_token(self, path: str) -> str:
        """Return the token in the first form of a page."""
        found = FORM_TOKEN.search(self.get(path).text)
        return found[1] if found else ""

    def send(
        self, path: str, page: str = "", **fields: str | list[str]
    ) -> TestResponse:
        """Send a form of a page, which has the path of the form if none is given."""
        form: Mapping[str, Any] = {"csrf_token": self.form_token(page or path)} | fields
        return self.client.post(path, data=form, headers=HTML)

    def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> TestResponse:
        """Sign in on the page for it."""
        return self.send("/sign-in", name=name, password=password, **more)

    @property
    def is_signed_in(self) -> bool:
        """Say whether the account page is shown."""
        return self.get("/account").status_code == 200


def add_person(redis: Redis, name: str, role: str, *sites: str) -> None:
    """Add a user with PASSWORD, whose hash is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("page_tracker.accounts.users.hash_password", _hash_once)
        add_user(redis, name, PASSWORD, role, sites)


def add_people(redis: Redis) -> None:
    """Add an owner, a viewer of example.org and one of another site."""
    add_person(redis, "olga", "owner")
    add_person(redis, "vera", "viewer", "example.org")
    add_person(redis, "otto", "viewer", "other.example")


# pylint: disable-next=keyword-arg-before-vararg  # sites are those of a viewer
def sign_in(
    client: FlaskClient, redis: Redis, role: str = "owner", *sites: str
) -> FlaskClient:
    """Sign a new user in without the page for it, and return the browser."""
    name = f"{role}-{len(sites)}"
    add_person(redis, name, role, *sites)
    client.set_cookie(SESSION, begin_session(redis, name))
    return client


def send_form(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Send a form of a page as a browser does, with the page's token."""
    page = client.get(path, headers=HTML, follow_redirects=True)
    found = FORM_TOKEN.search(page.text)
    assert found, page.text
    return client.post(
        path.partition("?")[0],
        data=fields | {"csrf_token": unescape(found[1])},
        headers=HTML,
    )
