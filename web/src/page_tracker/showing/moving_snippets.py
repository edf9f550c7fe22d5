"""The lines that owners change when they move here from another counter."""

from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import escape

from page_tracker.showing.language import gettext as _
from page_tracker.showing.snippets import Snippet


@dataclass(frozen=True)
class Move:
    """A change for the users of a counter; `key` is a name for addresses."""

    key: str
    counter: str
    change: str
    snippets: list[Snippet]


def moves(root: str, site: str) -> list[Move]:
    """Return what to change for each counter; `root` is our address up to a slash.

    The address names the site for clients that do not. A site's name without a dot
    cannot stand in a path: then the request has to tell the site.
    """
    below = f"{root}{site}/" if "." in site else root
    return [
        _busuanzi(root),
        _vercount(root),
        _goatcounter(root, below),
        _umami(root),
        _plausible(root, site),
        _waline(below),
        _badges(below),
    ]


def _script(src: str) -> str:
    return f'<script async src="{escape(src)}"></script>'


def _busuanzi(root: str) -> Move:
    folder = f"{root}busuanzi/2.3/"
    address = f"{folder}busuanzi.pure.mini.js"
    return Move(
        "busuanzi",
        "busuanzi",
        _("Change the address of the script. The elements on your pages stay."),
        [
            Snippet(
                _("Address"),
                _("For the setting of a theme, for example NexT, Butterfly or FixIt."),
                address,
            ),
            Snippet(
                _("Folder"),
                _("For a theme that adds the name of the script, for example Fluid."),
                folder,
            ),
            Snippet(_("Script"), _("For your own templates."), _script(address)),
        ],
    )


def _vercount(root: str) -> Move:
    return Move(
        "vercount",
        _("Vercount, or your own busuanzi server"),
        _("Change the address of the script. The elements on your pages stay."),
        [Snippet(_("Script"), _("In place of the old script."), _script(f"{root}js"))],
    )


def _goatcounter(root: str, below: str) -> Move:
    count = escape(f"{below}count")
    shown = escape(f"{below}counter/TOTAL.svg")
    return Move(
        "goatcounter",
        "GoatCounter",
        _("Change the endpoint. GoatCounter's own script works too."),
        [
            Snippet(
                _("Script"),
                _("In place of the old script."),
                f'<script async src="{escape(root)}count.js" '
                f'data-goatcounter="{count}"></script>',
            ),
            Snippet(
                _("Image"),
                _("For pages without scripts. Write the path of each page into it."),
                f'<img src="{count}?p=/" alt="">',
            ),
            Snippet(
                _("Visitor counter"),
                _(
                    "It shows visits of the site. For a page, write its path in place "
                    "of TOTAL: /about becomes %(path)s.",
                    path="%2Fabout",
                ),
                f'<img src="{shown}" alt="">',
            ),
        ],
    )


def _copied_from(service: str) -> str:
    return _(
        "Copy the script from %(service)s to your site, or keep its address.",
        service=service,
    )


def _umami(root: str) -> Move:
    return Move(
        "umami",
        "Umami",
        _("Add data-host-url to your tag. Its ID stays."),
        [
            Snippet(
                _("Script"),
                _copied_from("Umami"),
                '<script defer src="/script.js" '
                f'data-host-url="{escape(root.rstrip("/"))}" '
                'data-website-id="00000000-0000-0000-0000-000000000000"></script>',
            )
        ],
    )


def _plausible(root: str, site: str) -> Move:
    return Move(
        "plausible",
        "Plausible",
        _("Add data-api to your tag. Your domain stays."),
        [
            Snippet(
                _("Script"),
                _copied_from("Plausible"),
                f'<script defer data-domain="{escape(site)}" '
                f'data-api="{escape(root)}api/event" '
                'src="/script.js"></script>',
            )
        ],
    )


def _waline(below: str) -> Move:
    return Move(
        "waline",
        _("Waline, its page views"),
        _("Change serverURL where your pages count views, and not for comments."),
        [
            Snippet(
                _("Page views"),
                _("Its other options stay."),
                f'pageviewCount({{ serverURL: "{below.rstrip("/")}", '
                "path: location.pathname })",
            )
        ],
    )


def _badges(below: str) -> Move:
    def image(address: str, **query: str) -> str:
        return f"![views]({address}?{urlencode(query)})"

    return Move(
        "badges",
        _("Badges in READMEs"),
        _("Change the host of the badge. Its other parameters stay."),
        [
            Snippet(
                "hits",
                _("In place of %(service)s.", service="hits.seeyoufarm.com"),
                image(
                    f"{below}api/count/incr/badge.svg",
                    url="https://github.com/you/project",
                ),
            ),
            Snippet(
                "komarev",
                _("In place of %(service)s.", service="komarev.com/ghpvc"),
                image(f"{below}ghpvc/", username="you"),
            ),
            Snippet(
                "visitor-badge",
                _("In place of %(service)s.", service="visitor-badge.laobi.icu"),
                image(f"{below}badge", page_id="you.project"),
            ),
        ],
    )
