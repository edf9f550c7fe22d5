"""A view, and how its site, its page and its referrer are written canonically.

The canonical functions take any text: they never raise, do not change what they made,
and never make more of it than its URL-encoded form and a leading slash. What no view
may have (control characters, excess length) is refused before, by `View.of`.
"""

import re
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, unquote_to_bytes

from page_tracker.tracking.site import canonical_site, checked_site

LONGEST_PAGE = 2048
LONGEST_REFERRER = 2048
LONGEST_TITLE = 512
LONGEST_STORED_TITLE = 128
LONGEST_NAME = 256
LONGEST_ID = 64
"""Bytes of UTF-8, but for titles: characters."""

TRACKING_PARAMETERS = frozenset(
    "_branch_match_id _bta_c _bta_tid _ga _gl _hsenc _hsmi _ke _kx campid cx_click "
    "dclid dm_i ef_id epik fbclid gad_source gbraid gclid gclsrc gs_l hsa_acc hsa_cam "
    "hsctatracking igsh igshid irclickid li_fat_id mc_cid mc_eid mkt_tok ml_subscriber "
    "ml_subscriber_hash msclkid oft_id oly_anon_id oly_enc_id rdt_cid ref s_cid "
    "sc_cid srsltid ttclid twclid vero_conv vero_id wbraid wickedid yclid ymclid "
    "ysclid".split()
)
"""Parameters that tell who sent a visitor, and do not name another page."""

URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
"""Scheme and host, where a page is named by its whole address."""

ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")

KEPT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]")
"""What of ASCII stands in a page as it came. An escape for one of the others, or for
one with a meaning of its own (an escaped slash), stays an escape."""

PLAIN = re.compile(rf"(?:{KEPT.pattern})*")
"""A text that stands as it came, as most do."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


class InvalidView(ValueError):
    """A view can not be counted as it was sent; the message says why, on one line."""


@dataclass(frozen=True, slots=True)
class View:
    """That a page of a site was shown, or, with an `event`, what happened on it.

    With an `id` it counts once in 24 hours, however often it is sent.
    """

    site: str
    page: str
    referrer: str = ""
    campaign: str = ""
    title: str = ""
    event: str = ""
    id: str = ""

    @classmethod
    def of(  # pylint: disable=too-many-arguments  # each is a field of a view
        cls,
        *,
        site: str,
        page: str,
        referrer: str = "",
        title: str = "",
        event: str = "",
        id: str = "",  # pylint: disable=redefined-builtin  # the field's word
    ) -> Self:
        """Return the view in its canonical form. Raises InvalidView."""
        _check("page", page, LONGEST_PAGE)
        _check("referrer", referrer, LONGEST_REFERRER)
        _check("title", title, LONGEST_TITLE, unit="characters")
        _check("event", event, LONGEST_NAME)
        if not page:
            raise InvalidView("page: is missing; send its path, as in /about")
        if id and not re.fullmatch(rf"[A-Za-z0-9_-]{{8,{LONGEST_ID}}}", id):
            raise InvalidView(f"id: use 8 to {LONGEST_ID} of A-Z, a-z, 0-9, - and _")
        try:
            name = checked_site(site)
        except ValueError as error:
            raise InvalidView(f"site: {error}") from error
        host = URL.match(page)
        if host and _bare(canonical_site(host[1])) != _bare(name):
            raise InvalidView(f"page: is not on {name}; send its path, as in /about")
        source, campaign = _campaign(page)
        return cls(
            site=name,
            page=_checked(canonical_page(page)),
            referrer=canonical_referrer(referrer or source),
            campaign=campaign,
            title=" ".join(title.split())[:LONGEST_STORED_TITLE].strip(),
            event=" ".join(event.split()),
            id=id,
        )

    def without_referrer(self) -> Self:
        """Return the view as one that came from the site itself."""
        return replace(self, referrer="")


def canonical_page(page: str) -> str:
    """Return a path and its query as one page has it, however it was linked.

    Without its host, a trailing slash or `/index.html`, tracking parameters and an
    anchor; the other parameters sorted, and each character written in one way only. A
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
    """Return where a view came from: host and path of a URL, or a name as it is.

    Without what could name a person: user, query and fragment.
    """
    referrer = " ".join(referrer.split())
    url = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)", referrer)
    if not url:
        return referrer
    host = canonical_site(url[2].rpartition("@")[2])
    return (re.sub(r"^(www\.)+", "", host) + _spell(url[3])).strip().rstrip("/ ")


def _check(name: str, text: str, most: int, unit: str = "bytes") -> None:
    """Refuse what is too long, or can not be shown as it is."""
    try:
        size = len(text) if unit == "characters" else len(text.encode())
    except UnicodeEncodeError:
        raise InvalidView(f"{name}: is not valid Unicode") from None
    if size > most:
        raise InvalidView(f"{name}: has {size} {unit}; {most} are the most")
    if control := CONTROL.search(text):
        raise InvalidView(f"{name}: has the control character {control[0]!r}")


def _checked(page: str) -> str:
    """Refuse escapes that stand for a control character or for no character at all."""
    for escapes in ESCAPES.findall(page):
        try:
            decoded = unquote_to_bytes(escapes).decode()
        except UnicodeDecodeError:
            raise InvalidView("page: its escapes are no UTF-8") from None
        _check("page", decoded, LONGEST_PAGE)
    _check("page", page, LONGEST_PAGE)
    return page


def _spell(text: str) -> str:
    """Write each character of a part of a URL in the one way that we chose for it."""
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
    """Return the escapes of a character; of half of one, or of a byte that is none."""
    is_byte = "\udc80" <= character <= "\udcff"
    errors = "surrogateescape" if is_byte else "surrogatepass"
    return quote(character, safe="", errors=errors)


def _name(parameter: str) -> str:
    return _spell(parameter.partition("=")[0]).lower()


def _is_tracking(name: str) -> bool:
    return name.startswith("utm_") or name in TRACKING_PARAMETERS


def _campaign(page: str) -> tuple[str, str]:
    """Return the source and the campaign that a link to the page was marked with."""
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
