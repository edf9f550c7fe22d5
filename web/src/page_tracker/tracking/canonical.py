"""The one way in which sites, pages and referrers are written.

The canonical functions take any text. They never raise an error, they change nothing in
a text that is canonical, and the result is never longer than the URL-encoded text and a
slash. `canonical_view` refuses what no view may hold: control characters, long texts.
"""

import re
from urllib.parse import quote, unquote_to_bytes

import idna

from page_tracker.tracking.view import InvalidView, SentView, View

LONGEST_SITE = 253

LONGEST_TEXT = 4096
"""Characters; `canonical_site` returns a longer text unchanged."""

LONGEST_PAGE = 2048
LONGEST_REFERRER = 2048
LONGEST_TITLE = 512
LONGEST_STORED_TITLE = 128
LONGEST_NAME = 256
LONGEST_ID = 64
"""Bytes of UTF-8; for titles, characters."""

TRACKING_PARAMETERS = frozenset(
    "_branch_match_id _bta_c _bta_tid _ga _gl _hsenc _hsmi _ke _kx campid cx_click "
    "dclid dm_i ef_id epik fbclid gad_source gbraid gclid gclsrc gs_l hsa_acc hsa_cam "
    "hsctatracking igsh igshid irclickid li_fat_id mc_cid mc_eid mkt_tok ml_subscriber "
    "ml_subscriber_hash msclkid oft_id oly_anon_id oly_enc_id rdt_cid ref s_cid "
    "sc_cid srsltid ttclid twclid vero_conv vero_id wbraid wickedid yclid ymclid "
    "ysclid".split()
)
"""Parameters that tell who sent a visitor. They do not make another page."""

URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
"""Scheme and host of a page that was sent as a whole address."""

ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")

KEPT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]")
"""ASCII characters that stay as they came. An escape for another character stays an
escape, and so does one for a character with a meaning of its own, such as a slash."""

PLAIN = re.compile(rf"(?:{KEPT.pattern})*")
"""A text that needs no change, as most do."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


def canonical_view(sent: SentView) -> View:
    """Return a view in its canonical form. Raises InvalidView."""
    _check("page", sent.page, LONGEST_PAGE)
    _check("referrer", sent.referrer, LONGEST_REFERRER)
    _check("title", sent.title, LONGEST_TITLE, unit="characters")
    _check("event", sent.event, LONGEST_NAME)
    if not sent.page:
        raise InvalidView("page: is required; send its path, for example /about")
    if sent.id and not re.fullmatch(rf"[A-Za-z0-9_-]{{8,{LONGEST_ID}}}", sent.id):
        raise InvalidView(f"id: use 8 to {LONGEST_ID} of A-Z, a-z, 0-9, - and _")
    try:
        site = checked_site(sent.site)
    except ValueError as error:
        raise InvalidView(f"site: {error}") from error
    host = URL.match(sent.page)
    if host and _bare(canonical_site(host[1])) != _bare(site):
        raise InvalidView(f"page: is not on {site}; send its path, for example /about")
    source, campaign = _campaign(sent.page)
    return View(
        site=site,
        page=_checked(canonical_page(sent.page)),
        referrer=canonical_referrer(sent.referrer or source),
        campaign=campaign,
        title=" ".join(sent.title.split())[:LONGEST_STORED_TITLE].strip(),
        event=" ".join(sent.event.split()),
        id=sent.id,
    )


def canonical_site(site: str) -> str:
    """Return a host as counts have it: lower case, ASCII, without its port.

    Any text gives one; `checked_site` refuses those that cannot be a site.
    """
    if len(site) > LONGEST_TEXT:
        return site
    host = _without_port(site.strip().lower())
    if host.isascii():
        return host
    try:
        # IDNA may turn the last character into a dot.
        return _without_port(idna.encode(host, uts46=True).decode("ascii"))
    except idna.IDNAError:
        return host


def _without_port(host: str) -> str:
    # Matched backwards, in one pass. A search for the end of a text of dots would start
    # again at each dot, and take the square of the text's length.
    excess = re.match(r"(?:\d*:|[.\s])*", host[::-1])
    return host[: len(host) - (excess.end() if excess else 0)]


def checked_site(site: str) -> str:
    """Return a host or code in its canonical form. Raises ValueError for others."""
    name = canonical_site(site)
    label = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
    if len(name) > LONGEST_SITE or not re.fullmatch(rf"{label}(\.{label})*", name):
        shortened = site if len(site) <= 80 else f"{site[:80]}…"
        raise ValueError(
            f"{shortened!r} is not a valid site: use its host, for example example.org"
        )
    return name


def canonical_page(page: str) -> str:
    """Return the one path and query for a page, however it was linked.

    It has no host, no trailing slash or `/index.html`, no tracking parameters and no
    anchor. The other parameters are sorted, and each character is written in one way. A
    fragment that is a route (`#/…`, `#!…`) belongs to the page.
    """
    page = URL.sub("", page)
    page, _, fragment = page.partition("#")
    path, _, query = page.partition("?")
    path = re.sub(r"/{2,}", "/", f"/{_spell(path)}")
    path = re.sub(r"(?:/(?:index\.html?)?)+$", "", path) or "/"
    parameters = sorted(
        _spell(parameter)
        for parameter in query.split("&")
        if parameter and not _is_tracking(_name(parameter))
    )
    query = "&".join(parameters)
    fragment = _spell(fragment) if fragment.startswith(("/", "!")) else ""
    fragment = re.sub(r"^!$", "", fragment.rstrip("/"))
    return path + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def canonical_referrer(referrer: str) -> str:
    """Return the source of a view: host and path of a URL, or a name unchanged.

    User, query and fragment are dropped: they could name a person.
    """
    referrer = " ".join(referrer.split())
    url = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)", referrer)
    if not url:
        return referrer
    host = canonical_site(url[2].rpartition("@")[2])
    return (re.sub(r"^(www\.)+", "", host) + _spell(url[3])).strip().rstrip("/ ")


def _check(name: str, text: str, most: int, unit: str = "bytes") -> None:
    """Refuse a text that is too long or has control characters."""
    try:
        size = len(text) if unit == "characters" else len(text.encode())
    except UnicodeEncodeError:
        raise InvalidView(f"{name}: is not valid Unicode") from None
    if size > most:
        raise InvalidView(f"{name}: has {size} {unit}; the limit is {most}")
    if control := CONTROL.search(text):
        raise InvalidView(f"{name}: has the control character {control[0]!r}")


def _checked(page: str) -> str:
    """Refuse escapes of control characters, and escapes that are not UTF-8."""
    for escapes in ESCAPES.findall(page):
        try:
            decoded = unquote_to_bytes(escapes).decode()
        except UnicodeDecodeError:
            raise InvalidView("page: its escapes are not UTF-8") from None
        _check("page", decoded, LONGEST_PAGE)
    _check("page", page, LONGEST_PAGE)
    return page


def _spell(text: str) -> str:
    """Write each character of a part of a URL in its canonical way."""
    if PLAIN.fullmatch(text):
        return text
    pieces: list[str] = []
    end = 0
    for escapes in ESCAPES.finditer(text):
        pieces.extend(_write(text[end : escapes.start()], KEPT))
        decoded = unquote_to_bytes(escapes[0]).decode(errors="surrogateescape")
        pieces.extend(_write(decoded, UNRESERVED))
        end = escapes.end()
    pieces.extend(_write(text[end:], KEPT))
    return "".join(pieces)


def _write(text: str, kept: re.Pattern[str]) -> str:
    return "".join(
        (
            character
            if (
                kept.match(character)
                or (character > "\x7f" and character.isprintable())
            )
            else _escape(character)
        )
        for character in text
    )


def _bare(host: str) -> str:
    return host.removeprefix("www.")


def _escape(character: str) -> str:
    """Return the escapes of a character, of a surrogate, or of a byte outside UTF-8."""
    is_byte = "\udc80" <= character <= "\udcff"
    errors = "surrogateescape" if is_byte else "surrogatepass"
    return quote(character, safe="", errors=errors)


def _name(parameter: str) -> str:
    return _spell(parameter.partition("=")[0]).lower()


def _is_tracking(name: str) -> bool:
    return name.startswith("utm_") or name in TRACKING_PARAMETERS


def _campaign(page: str) -> tuple[str, str]:
    """Return the source and the campaign in the parameters of a page."""
    query = page.partition("#")[0].partition("?")[2]
    if not query:
        return "", ""
    marks: dict[str, str] = {}
    for parameter in query.split("&"):
        name, value = _name(parameter), parameter.partition("=")[2]
        if _is_tracking(name):
            text = unquote_to_bytes(value.replace("+", " ")).decode(errors="replace")
            shown = "".join(c if c.isprintable() else " " for c in text)
            marks.setdefault(name, " ".join(shown.split())[:LONGEST_NAME])
    source = marks.get("utm_source") or marks.get("ref", "")
    return source, marks.get("utm_campaign") or marks.get("utm_source", "")
