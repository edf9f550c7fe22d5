"""The gate of all pages: finds who sends a request, and whether he may.

It runs before each route of Flask, and asks `accounts/access.py` for the rule of that
route. Views and badges do not pass here: the edge answers them.
"""

from http import HTTPStatus
from threading import Lock
from urllib.parse import quote

from cachetools import TTLCache
from flask import Flask, Response, abort, g, request
from redis.exceptions import RedisError
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from page_tracker.accounts.access import NOBODY, ROUTES, Caller, May, may
from page_tracker.accounts.changes import note_change
from page_tracker.accounts.hashing import hash_of, is_secret_of
from page_tracker.accounts.passwords import TooManyAtOnce
from page_tracker.accounts.secret import Secret
from page_tracker.accounts.sessions import LONGEST, find_session
from page_tracker.accounts.tokens import find_token
from page_tracker.accounts.users import find_user
from page_tracker.http.errors import error_answer
from page_tracker.http.incoming import form_asked_for, form_of_error
from page_tracker.http.outgoing import SECONDS_TO_COME_BACK
from page_tracker.showing.cookies import SESSION, name_of_link, set_cookie
from page_tracker.showing.form_tokens import FormSessions, form_token, is_own_form
from page_tracker.showing.going import go_to, see_other
from page_tracker.store.store import Store
from page_tracker.tracking.canonical import checked_site
from page_tracker.tracking.sites import Site, Sites

MOST_REMEMBERED = 1_000
SECONDS_REMEMBERED = 600
"""While Redis is unavailable, a session that this process saw in the last minutes may
still read the last good pages, even if another process ended it meanwhile."""

SAFE = ("GET", "HEAD", "OPTIONS")

HARMLESS = ("preferences",)
"""Routes that change nothing but cookies of the browser itself. A page needs no cookie
for their forms."""

SENT_ELSEWHERE = (
    "This form was not sent from a page of this server, or you signed in or out "
    "meanwhile. Go back, reload the page, and send it again."
)


class Gate:
    """Lets each request pass, or not."""

    def __init__(self, store: Store, sites: Sites, secret: Secret) -> None:
        self.store = store
        self.secret = secret
        self._sites = sites
        self._remembered: TTLCache[str, Caller] = TTLCache(
            MOST_REMEMBERED, SECONDS_REMEMBERED
        )
        self._lock = Lock()
        """A TTLCache breaks if two threads use it at once."""

    def guard(self, app: Flask) -> None:
        """Guard all routes of an application, also those that are added later."""
        app.session_interface = FormSessions(self.secret)
        app.config["WTF_CSRF_TIME_LIMIT"] = None  # as long as the session
        app.before_request(self._check)
        app.context_processor(lambda: {"caller": caller, "csrf_token": csrf_token})
        app.register_error_handler(TooManyAtOnce, _answer_busy)

    def _check(self) -> Response | None:
        g.gate = self
        if request.endpoint is None:
            return None  # nothing is there, or not by this method
        rule = ROUTES[request.endpoint]
        site = self._asked_site(rule)
        key = request.args.get("key", "")
        if site and rule is May.READERS and is_secret_of(key, site.link):
            if "embed" not in request.args:
                return _take_link(site)
            # A frame keeps no cookies.
            g.caller = Caller("link", sites=frozenset({site.name}))
        elif rule is not May.EVERYBODY:
            g.caller = self._caller_for(rule, site)
            if refusal := self._refusal(g.caller, rule, site):
                return refusal
        if request.method not in SAFE and not self._is_own():
            abort(HTTPStatus.BAD_REQUEST, SENT_ELSEWHERE)
        return None

    def _asked_site(self, rule: May) -> Site | None:
        """Return the site of the request, if any.

        Raises RedisError, but not to nobody: a site that this process knows needs no
        Redis, so the answer would tell it from one that does not exist.
        """
        try:
            return self.find_site((request.view_args or {}).get("site"))
        except RedisError:
            if rule is May.EVERYBODY or self.find_caller() is not NOBODY:
                raise
            return None

    def _caller_for(self, rule: May, site: Site | None) -> Caller:
        """Return the caller: a shared link only helps those who may not without."""
        found = self.find_caller()
        if rule is May.READERS and site and found.kind in ("nobody", "viewer"):
            secret = request.cookies.get(name_of_link(site.name), "")
            if not found.has_site(site.name) and is_secret_of(secret, site.link):
                return Caller("link", sites=frozenset({site.name}))
        return found

    def find_caller(self) -> Caller:
        """Return whom a request proves to be, by its token or its session.

        Raises RedisError, and Unauthorized for a token that is wrong.
        """
        if (token := _sent_token()) is not None:
            with self.store.asking() as redis:
                found = find_token(redis, token)
            if found:
                return found.caller
            raise _unauthorized("The token is unknown, or it was revoked.")
        secret = session_secret()
        return self._signed_in(secret) if secret else NOBODY

    def _signed_in(self, secret: str) -> Caller:
        identity = hash_of(secret)
        try:
            with self.store.asking() as redis:
                session = find_session(redis, secret)
                user = find_user(redis, session.user) if session else None
        except RedisError:
            with self._lock:
                known = self._remembered.get(identity)
            if known and request.method in SAFE:
                return known
            raise
        if not user:
            self.forget(secret)
            return NOBODY
        with self._lock:
            self._remembered[identity] = user.caller
        return user.caller

    def forget(self, secret: str) -> None:
        """Forget a session that has ended."""
        with self._lock:
            self._remembered.pop(hash_of(secret), None)

    def find_site(self, name: str | None) -> Site | None:
        """Return the site of a name or an alias, or None. Raises RedisError."""
        try:
            return self._sites.find(checked_site(name)) if name else None
        except ValueError:
            return None

    def _refusal(self, who: Caller, rule: May, site: Site | None) -> Response | None:
        """Return the answer for a caller who may not, or None for one who may."""
        is_about_site = "site" in (request.view_args or {})
        if is_about_site and not site:
            # A name that cannot be a site's has no reader but the owner, as another's.
            if who.kind == "nobody":
                return _ask_to_sign_in()
            abort(HTTPStatus.NOT_FOUND)
        name = site.name if site else None
        is_public = bool(site and site.dashboard == "public")
        if may(who, rule, name, is_public):
            return None
        if who.kind in ("nobody", "link"):
            return _ask_to_sign_in()
        if name and not is_public and not who.has_site(name):
            abort(HTTPStatus.NOT_FOUND)
        if who.kind != "token":
            raise Forbidden("Only an owner may do this.")
        raise Forbidden(
            f"The token {who.name} may not do this: its scopes are "
            f"{', '.join(sorted(who.scopes))}."
        )

    def _is_own(self) -> bool:
        """Return whether no page of another site made a browser send this."""
        if request.endpoint in HARMLESS:
            sent_by = request.headers.get("Sec-Fetch-Site", "same-origin")
            return sent_by in ("same-origin", "none")
        if _sent_token() is not None:
            return True  # no browser adds it by itself
        return is_own_form(self.secret(), session_secret())


def caller() -> Caller:
    """Return who sends the request. Raises RedisError on a page for everybody.

    Such a page takes a wrong token for none.
    """
    if "caller" not in g:
        try:
            g.caller = _gate().find_caller()
        except Unauthorized:
            g.caller = NOBODY
    found: Caller = g.caller
    return found


def readable_site(name: str) -> Site:
    """Return a site that the caller may read. Otherwise answers 404."""
    site = _gate().find_site(name)
    is_public = bool(site and site.dashboard == "public")
    if not site or not may(caller(), May.READERS, site.name, is_public):
        abort(HTTPStatus.NOT_FOUND)
    return site


def managed_site(name: str) -> Site:
    """Return a site that the caller may change. Otherwise answers 404."""
    site = _gate().find_site(name)
    if not site or not may(caller(), May.MANAGERS, site.name):
        abort(HTTPStatus.NOT_FOUND)
    return site


def note(what: str, about: str = "", details: str = "") -> None:
    """Note a change by the caller in the list of changes. Raises RedisError."""
    who = caller()
    name = f"token {who.name}" if who.kind == "token" else who.name
    with _gate().store.asking() as redis:
        note_change(redis, name, what, about, details)


def csrf_token() -> str:
    """Return the token for the forms of this page. Raises RedisError."""
    return form_token(_gate().secret(), session_secret())


def session_secret() -> str:
    """Return the secret of the session that a request names; empty without one."""
    return request.cookies.get(SESSION, "")


def check_routes(app: Flask) -> None:
    """Raise LookupError for a route without a row in the table of all routes."""
    names = {rule.endpoint for rule in app.url_map.iter_rules()}
    if missing := sorted(names - ROUTES.keys()):
        raise LookupError(
            f"routes without a row in accounts/access.py: {', '.join(missing)}"
        )


def _gate() -> Gate:
    gate: Gate = g.gate
    return gate


def _sent_token() -> str | None:
    """Return the token in a request's header; None if it has none."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else None


def _take_link(site: Site) -> Response:
    """Keep the secret of a shared link in a cookie, and leave it out of the address."""
    answer = see_other(_address_without("key"))
    set_cookie(answer, name_of_link(site.name), request.args["key"], LONGEST)
    return answer


def _ask_to_sign_in() -> Response:
    """Send a person to the sign-in page, and answer a program with status 401."""
    is_page = form_asked_for(request.headers.get("Accept", "")) == "html"
    if not is_page or request.path.startswith("/api/") or _is_data(request.path):
        raise _unauthorized("Sign in, or send a token: Authorization: Bearer pt_….")
    after = quote(_address_without("key"))
    # The same for every site: it must not tell whether there is one.
    ended = "&link=ended" if "key" in request.args else ""
    return go_to(f"/sign-in?next={after}{ended}")


def _is_data(path: str) -> bool:
    return path.endswith((".json", ".jsonl", ".csv", ".gz"))


def _address_without(name: str) -> str:
    """Return the address of the request without a parameter."""
    path = f"{request.script_root}{quote(request.path)}"
    kept = "&".join(
        part
        for part in request.query_string.decode("latin-1").split("&")
        if part and part.partition("=")[0] != name
    )
    return f"{path}?{kept}" if kept else path


def _unauthorized(detail: str) -> Unauthorized:
    return Unauthorized(detail, www_authenticate=WWWAuthenticate("bearer"))


def _answer_busy(_error: TooManyAtOnce) -> Response:
    return _later("Many people sign in at this moment. Please try again.")


def _later(detail: str) -> Response:
    form = form_of_error(request.environ)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    answer = error_answer(status, status.phrase, detail, form)
    answer.headers["Retry-After"] = str(SECONDS_TO_COME_BACK)
    return answer
