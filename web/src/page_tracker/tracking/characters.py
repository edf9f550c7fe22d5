"""Characters, by how a name writes them."""

import re

KEPT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]")
"""ASCII characters that stay as they came. An escape for another character stays an
escape, and so does one for a character with a meaning of its own, such as a slash."""

PLAIN = re.compile(rf"(?:{KEPT.pattern})*")
"""A text that needs no change, as most do."""

UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")

JOINERS = "\u200c\u200d"
"""They shape the letters or symbols before and after them. Alone, nobody sees them."""

UNSEEN = re.compile(
    r"[\x00-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\uf8ff\ufdd0-\ufdef\ufeff"
    r"\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
    r"\U000e01f0-\U0010ffff]"
)
"""Characters outside ASCII that a page writes as escapes: controls, separators,
formats, private use and others that are no characters. The list is our own, because
Python's tables grow with its versions, and the name of a page must not change then."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
BYTE = re.compile(r"[\udc80-\udcff]")
"""A byte that is not UTF-8, as Python decodes it with `surrogateescape`."""
SURROGATE = re.compile(r"[\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
