"""The tracker and the server agree on which addresses are one page."""

import re
from itertools import product
from pathlib import Path

from playwright.sync_api import Page

from page_tracker.tracking.canonical import canonical_page

TRACKER = Path(__file__).parents[2] / "tracker"

PATHS = (
    "/ /index.html /about /about/ //about/// /about/index.htm /About /index.htm/x "
    "/a/b /a%2Fb /a%2fb /~me /%7Eme /%7eme /a.b /a%2Eb /caf%C3%A9 /caf%c3%a9 /café "
    "/caf%E9 /caf%e9 /a|b /a%7Cb /a%7cb /a%20b /a&b /a;b /100%25 /100% /中"
).split()
QUERIES = (
    " ? ?a=1 ?a=1& ?a=1&b=2 ?b=2&a=1 ?&b=2&&a=1 ?utm_source=x ?UTM_Campaign=x&a=1 "
    "?gclid=1&a=1 ?a=1&fbclid=2 ?ref=x&msclkid=3 ?a=utm_source ?a=%7E ?a=~ ?a=%26b=2 "
    "?q=a+b ?q=a%2Bb ?q=a%20b ?q={} ?q=%7B%7D ?reference=1"
).split(" ")
FRAGMENTS = (
    " # #! #/ #!/ #section #/about #/about/ #!about #!/about #/about#place #/%7Eme "
    "#/~me #/a?x=1&y=2 #/a?y=2&x=1 #/a?utm_source=x #/a/?x=1&y=2"
).split(" ")


def test_should_take_addresses_for_one_page_when_the_server_does(tab: Page) -> None:
    # Given
    addresses = ["".join(parts) for parts in product(PATHS, QUERIES, FRAGMENTS)]
    source = re.sub(r"(?m)^export ", "", (TRACKER / "identity.js").read_text())

    # When
    pages, identities = tab.evaluate(
        """([source, addresses]) => {
            const run = (name, location) =>
                new Function("location", `${source}; return ${name}()`)(location);
            const places = addresses.map((a) => new URL("http://blog.example" + a));
            return ["currentPage", "identity"].map(
                (name) => places.map((place) => run(name, place)));
        }""",
        [source, addresses],
    )

    # Then
    counted = [canonical_page(page) for page in pages]
    assert len(set(counted)) == len(set(identities))
    assert len(set(counted)) == len(set(zip(counted, identities)))
