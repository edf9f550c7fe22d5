"""The one way in which a name writes each character."""

import re

KEPT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]")
"""ASCII characters that stay as they came. An escape for another character stays an
escape, and so does one for a character with a meaning of its own, such as a slash."""

PLAIN = re.compile(rf"(?:{KEPT.pattern})*")
"""A text that needs no change, as most do."""

UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")

JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]+")
"""They shape the letters or symbols before and after them. Alone, nobody sees them."""

UNSEEN = re.compile(
    r"[\x80-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e"
    r"\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\uf8ff"
    r"\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e00ff\U000e01f0-\U0010ffff]+"
)
"""Characters outside ASCII that a page writes as escapes: controls, separators,
formats, private use and others that are no characters. The list is our own, because
Python's tables grow with its versions, and the name of a page must not change then."""

INVISIBLE = re.compile(
    rf"(?:{UNSEEN.pattern}|[\s\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200c\u200d\u202a-\u202e\u2066-\u2069\u2800\u3164\ufe00-\ufe0f\uffa0]+)"
)
"""Characters that change nothing in how a name looks."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
BYTES = re.compile(r"[\udc80-\udcff]+")
"""Bytes that are not UTF-8, as Python decodes them with `surrogateescape`."""
SURROGATE = re.compile(r"[\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _table(kept: re.Pattern[str]) -> dict[int, str]:
    """Return how `str.translate` writes the ASCII characters that are not kept."""
    return {code: f"%{code:02X}" for code in range(128) if not kept.match(chr(code))}


NOT_RESERVED = _table(UNRESERVED)
NOT_KEPT = _table(KEPT)
del NOT_KEPT[ord("%")]  # by then, each begins an escape


def spell(text: str) -> str:
    """Write each character of a part of a URL in its canonical way."""
    text = SURROGATE.sub(REPLACEMENT, BYTES.sub(_escaped, text))
    text = ESCAPES.sub(_decoded, NO_ESCAPE.sub("%25", text)).translate(NOT_KEPT)
    return text if text.isascii() else JOINERS.sub(_escaped, UNSEEN.sub(_escaped, text))


def _escaped(run: re.Match[str]) -> str:
    return "%" + run[0].encode(errors="surrogateescape").hex("%").upper()


def _decoded(escapes: re.Match[str]) -> str:
    """Return what escapes stand for; reserved characters stay escapes."""
    decoded = bytes.fromhex(escapes[0].replace("%", "")).decode(
        errors="surrogateescape"
    )
    return decoded.translate(NOT_RESERVED)
