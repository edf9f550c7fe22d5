"""The one way in which sites, pages and referrers are written.

The canonical functions take any text. They never raise an error, and they change
nothing in a text that is canonical. Only `canonical_view` refuses: a view that names no
page, or no site that can exist.
"""

import hashlib
import re
import unicodedata
from threading import Lock

from cachetools import LRUCache, cached
from pydantic_core import Url

from page_tracker.tracking.characters import (
    CONTROL,
    INVISIBLE,
    PLAIN,
    REPLACEMENT,
    SURROGATE,
    spell,
)
from page_tracker.tracking.keys import LONGEST, RESERVED
from page_tracker.tracking.tracking_parameters import (
    SHARED,
    is_tracking,
    plain_name,
    source_and_campaign,
)
from page_tracker.tracking.view import InvalidView, SentView, View
from page_tracker.tracking.visitor import hash_of

LONGEST_SITE = 253

LONGEST_PART = 2048
"""Characters that are read of a host, a path, a query and a fragment."""

MOST_PARAMETERS = 100
"""Parameters of a page that are read one by one. The rest is one more parameter."""

LONGEST_TITLE = 128
LONGEST_NAME = 256
"""Characters that are kept."""

LONGEST_ID = 64
LONGEST_RESERVED = max(map(len, RESERVED))

LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
HOST = re.compile(rf"{LABEL}(?:\.{LABEL})*")
WWW = re.compile(r"^(?:www\.)+")
SLASHES = re.compile("/{2,}")
INDEX = re.compile(r"(?:(?:l?mth\.xedni)?/)*")
"""Ends of a path that name the same page, backwards."""

ID = re.compile(rf"[A-Za-z0-9_-]{{0,{LONGEST_ID}}}")

USUAL_PATH = re.compile(r"/(?:[\w.~-]+/)*(?!index\.html?$)[\w.~-]+|/", re.A)
"""A path that is canonical. Most pages have one."""

NO_HOST = re.compile(r"[\x00-,/:-@\[-^`{-\x7f]")
"""Characters that no host has, and that split or escape an address."""

URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
"""Scheme and host of a text that is a whole address."""

AFTER_HOST = re.compile(r"(?:\d*:|[.\s\x00-\x1f])*")
"""Port, dots and blanks after a host, backwards."""

ADDRESS = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)?([^/?#]*)(/[^?#]*|)")
"""Scheme, host and path of an address."""

NO_REFERRER = re.compile(
    r"(?:about|blob|data|file|javascript|mailto|tel):"
    r"|(?:null|undefined|NaN|\[object Object\])$",
    re.I,
)
"""Texts that programs send where a document has no address of its own."""

APP_OR_WEB = re.compile(r"(?:(?:https?|android-app|ios-app):)?//", re.I)

OUTSIDE_OF_URL = "".join(map(chr, range(33)))
LINE_BREAKS = str.maketrans("", "", "\t\n\r")
"""Browsers remove them from an address (https://url.spec.whatwg.org)."""


def canonical_view(sent: SentView) -> View:
    """Return a view in its canonical form. Raises InvalidView.

    A view without a page or a possible site is refused. Everything else is cleaned, cut
    or left out, and never costs a view.
    """
    if not sent.page.strip(OUTSIDE_OF_URL):
        raise InvalidView("page: is required; send its path, for example /about")
    try:
        site = checked_site(sent.site)
    except ValueError as error:
        raise InvalidView(f"site: {error}") from error
    event = _event(sent.event) if sent.event else ""
    source, campaign = _source_and_campaign(sent.page)
    return View(
        site=site,
        # A longer page counts under (other), however it goes on.
        page=canonical_page(sent.page)[: LONGEST + 1],
        referrer=(sent.referrer and canonical_referrer(sent.referrer))
        or (source and canonical_referrer(source)),
        campaign=_name(sent.campaign or campaign),
        title=_name(sent.title, LONGEST_TITLE),
        event=event,
        id=canonical_id(sent.id),
        host=_name(canonical_site(sent.host)) if sent.host else "",
    )


def canonical_site(site: str) -> str:
    """Return a host as counts have it: lower case, ASCII, without its port.

    A whole address gives its host. Any text gives something; `checked_site` refuses
    those that cannot be a site.
    """
    if len(site) <= LONGEST_SITE and HOST.fullmatch(site):
        return site
    host = site.strip(OUTSIDE_OF_URL)[:LONGEST_PART]
    if url := ADDRESS.match(host):
        host = url[2].rpartition("@")[2] if url[1] else url[2]
    host = _without_port(host.lstrip(OUTSIDE_OF_URL))
    if host.isascii():
        return host.lower()
    try:
        # IDNA may turn the last character into a dot.
        return _without_port(_ascii_host(host))
    except ValueError:
        return host


def checked_site(site: str) -> str:
    """Return a host or code in its canonical form. Raises ValueError for others."""
    name = canonical_site(site)
    if len(name) > LONGEST_SITE or not HOST.fullmatch(name):
        shortened = ascii(site if len(site) <= 80 else f"{site[:80]}…")
        raise ValueError(
            f"{shortened} is not a valid site: use its host, for example example.org"
        )
    return name


def host_of(page: str) -> str | None:
    """Return the host of a page that was sent as a whole address, or None."""
    url = URL.match(page.strip(OUTSIDE_OF_URL))
    return canonical_site(url[1].rpartition("@")[2]) if url else None


def path_of(page: str) -> str:
    """Return a page without the host of a whole address, and else unchanged."""
    return URL.sub("", page.strip(OUTSIDE_OF_URL), 1) or "/"


def canonical_page(page: str) -> str:
    """Return the one path and query for a page, however it was linked.

    It has no host, no trailing slash or `/index.html`, no tracking parameters and no
    anchor. The other parameters are sorted, and each character is written in one way. A
    fragment that is a route (`#/…`, `#!…`) belongs to the page, with its own query.
    """
    if len(page) <= LONGEST_PART and USUAL_PATH.fullmatch(page):
        return page
    page = page.strip(OUTSIDE_OF_URL).translate(LINE_BREAKS)
    address, _, fragment = URL.sub("", page).partition("#")
    path, query = _split(address)
    path = SLASHES.sub("/", f"/{_spell(path[:LONGEST_PART])}")
    path = _without_index(path) or "/"
    return path + _query(query) + _route(fragment)


def canonical_pattern(pattern: str) -> str:
    """Return a pattern of pages with each character written as pages write it.

    Nothing is dropped or sorted: with less text, a pattern matches more pages.
    """
    pattern = URL.sub("", pattern.strip(OUTSIDE_OF_URL).translate(LINE_BREAKS))
    spelt = "#".join(map(_spell, pattern.split("#")))
    return spelt if spelt.startswith(("/", "*")) else f"/{spelt}"


# Referrers repeat. They are not kept themselves: a query could name a person.
@cached(LRUCache(4096), key=hash_of, lock=Lock())
def canonical_referrer(referrer: str) -> str:
    """Return the source of a view: host and path of a URL, or a name.

    User, query and fragment are dropped: they could name a person. A path that is too
    long is dropped too. A document without an address is no source.
    """
    referrer = _clean(referrer)
    if NO_REFERRER.match(referrer):
        return ""
    url = ADDRESS.match(referrer)
    if not url or not (url[1] or (url[3] and re.fullmatch(r"[^\s.]+\.\S+", url[2]))):
        return _name(referrer)
    if url[1] and not APP_OR_WEB.fullmatch(url[1]):
        return ""  # a page of the browser itself, for example chrome://newtab
    host, path = url[2], url[3]
    host = WWW.sub("", canonical_site(host.rpartition("@")[2]))
    if not host:
        return ""
    source = (host + _spell(path[:LONGEST_PART])).strip("/ ")
    if len(source.encode()) > LONGEST:
        source = host[:LONGEST_NAME]
    return "" if _is_reserved(source) or NO_REFERRER.match(source) else source


def canonical_id(identifier: str) -> str:
    """Return an id of at most 64 letters and digits for any; empty for none."""
    if ID.fullmatch(identifier):
        return identifier
    text = identifier.encode(errors="surrogatepass")
    return hashlib.blake2b(text, digest_size=LONGEST_ID // 2).hexdigest()


def _ascii_host(host: str) -> str:
    """Return a host in ASCII, as browsers do. Raises ValueError."""
    if len(host) > LONGEST_SITE or NO_HOST.search(host):
        raise ValueError("not a host")
    # Without the label at the end, a number would be an IPv4 address.
    return str(Url(f"https://{host}.end/").host).removesuffix(".end")


def _without_port(host: str) -> str:
    return _without_end(host, AFTER_HOST)


def _without_index(path: str) -> str:
    return _without_end(path, INDEX)


def _without_end(text: str, backwards: re.Pattern[str]) -> str:
    """Return a text without its end, which a pattern describes backwards.

    A search for the end of a text of dots would start again at each dot, and take the
    square of the text's length.
    """
    end = backwards.match(text[::-1])
    return text[: len(text) - (end.end() if end else 0)]


def _split(address: str) -> tuple[str, list[str]]:
    """Return path and parameters of an address, without what a link adds to them."""
    path, _, query = address.partition("?")
    if not query:
        return path, []
    parameters = map(plain_name, query.split("&", MOST_PARAMETERS))
    return path, [parameter for parameter in parameters if parameter]


def _query(parameters: list[str]) -> str:
    kept = "&".join(
        parameter for parameter in parameters if not is_tracking(_key(parameter))
    )[:LONGEST_PART]
    spelt = sorted(_spell(parameter) for parameter in kept.split("&"))
    query = "&".join(parameter for parameter in spelt if parameter not in SHARED)
    return f"?{query}" if query else ""


def _route(fragment: str) -> str:
    if not fragment.startswith(("/", "!")):
        return ""
    path, parameters = _split(fragment.partition("#")[0])
    route = _without_index(SLASHES.sub("/", _spell(path[:LONGEST_PART])))
    query = _query(parameters)
    if query:
        return f"#{route or '/'}{query}"
    return "" if route in ("", "!") else f"#{route}"


def _spell(text: str) -> str:
    return text if PLAIN.fullmatch(text) else spell(text)


def _clean(text: str) -> str:
    """Return a text on one line, as text that every terminal and Redis can hold."""
    if len(text) <= 2 * LONGEST_PART and text.isprintable():  # as most are
        return " ".join(text.split())
    text = SURROGATE.sub(REPLACEMENT, text[: 2 * LONGEST_PART])
    return " ".join(CONTROL.sub(" ", text).split())


def _name(text: str, most: int = LONGEST_NAME) -> str:
    """Return a text as a name of a source, an event and so on; empty for our names."""
    if not text:
        return ""
    text = _clean(text)[:most].strip()
    return "" if _is_reserved(text) else text


def _event(sent: str) -> str:
    """Return the name of an event. Raises InvalidView if nothing is left of it."""
    event = _clean(sent)[:LONGEST_NAME]
    event = _name(event) or _name(_visible(event).strip("()"))
    if not event:
        raise InvalidView("event: is empty; name what happened, for example signup")
    return event


def _is_reserved(text: str) -> bool:
    """Say whether a text is one of our names, or reads like one."""
    if text.isascii() and "(" not in text:  # each of our names has a bracket
        return False
    # Each letter of our names comes from one character at most.
    text = INVISIBLE.sub("", text)
    if len(text) > LONGEST_RESERVED:
        return False
    letters = unicodedata.normalize("NFKD", _visible(text))
    plain = "".join(one for one in letters if not unicodedata.combining(one))
    return plain.lower() in RESERVED


def _visible(text: str) -> str:
    """Return the letters that people see in a text, each in its usual form."""
    return unicodedata.normalize("NFKC", INVISIBLE.sub("", text))


def _key(parameter: str) -> str:
    """Return the name of a parameter in lower case."""
    return _spell(parameter.partition("=")[0][:LONGEST_NAME]).lower()


def _source_and_campaign(page: str) -> tuple[str, str]:
    """Return what the parameters of a page, or of its route, name."""
    if "?" not in page:
        return "", ""
    address, _, fragment = page.partition("#")
    parameters = [*_split(address)[1], *_split(fragment)[1]]
    return source_and_campaign(
        (_key(parameter), parameter.partition("=")[2][:LONGEST_PART])
        for parameter in parameters
    )
