"""The routes that clients of other counters ask, one function for each protocol."""

from dataclasses import dataclass

from page_tracker.collecting.busuanzi import Busuanzi
from page_tracker.collecting.client_scripts import ClientScript
from page_tracker.collecting.goatcounter import GoatCounter, without_slash
from page_tracker.collecting.goatcounter_api import GoatCounterApi
from page_tracker.collecting.page_addresses import PageAddresses
from page_tracker.collecting.plausible import Plausible
from page_tracker.collecting.reading import Reader
from page_tracker.collecting.soxft import SoxftApi, SoxftJsonp, ping
from page_tracker.collecting.token import Tokens
from page_tracker.collecting.umami import Umami, UmamiBatch
from page_tracker.collecting.vercount import Vercount, Version1, Version2
from page_tracker.collecting.waline import Waline
from page_tracker.http.routes import Routes
from page_tracker.settings import Settings
from page_tracker.showing.badge import Badges
from page_tracker.showing.badges_of_others import BadgesOfOthers
from page_tracker.showing.visitor_counter import VisitorCounter
from page_tracker.store.store import Store
from page_tracker.tracking.recorder import Recorder

DROP_IN = (
    "/busuanzi/2.3/busuanzi.pure.js",
    "/busuanzi/2.3/busuanzi.pure.mini.js",
    "/busuanzi.pure.mini.js",
    "/client.min.js",
    "/js",
    "/js/jsonp",
    "/js/lite",
    "/js/lite_pjax",
)
"""The paths at which themes ask for the scripts of busuanzi, of soxft/busuanzi and of
Vercount."""


COUNT_JS = ("/count.js", *(f"/count.v{number}.js" for number in range(1, 6)))
"""The paths of GoatCounter's script: the newest, and its five older versions."""


@dataclass(frozen=True)
class Clients:
    """The parts that ways in of other counters need."""

    recorder: Recorder
    reader: Reader
    tokens: Tokens
    settings: Settings
    store: Store
    badges: Badges


def register_clients(routes: Routes, parts: Clients) -> None:
    """Give each protocol of another counter its routes."""
    register_busuanzi(routes, parts)
    register_goatcounter(routes, parts)
    register_umami(routes, parts)
    register_plausible(routes, parts)
    register_waline(routes, parts)
    register_visitor_counter(routes, parts)
    register_badges(routes, parts)


def register_goatcounter(routes: Routes, parts: Clients) -> None:
    """Give GoatCounter's way in and its API their routes."""
    settings, sites = parts.settings, parts.reader.sites
    count = GoatCounter(parts.recorder, sites, settings.rate)
    # It answers HEAD and OPTIONS itself, as an error.
    methods = ("GET", "POST", "HEAD", "OPTIONS")
    routes.add_for_clients("goatcounter", count, ("/count",), *methods)
    script = ClientScript("goatcounter")
    routes.add_for_clients("goatcounter script", script, COUNT_JS, "GET")
    slash = ("/count/",)
    routes.add_for_clients("goatcounter slash", without_slash, slash, "GET", "POST")
    api = GoatCounterApi(parts.recorder, sites, parts.tokens, settings.country_file)
    routes.add_for_clients("goatcounter api", api.count, ("/api/v0/count",), "POST")
    routes.add_for_clients("goatcounter me", api.me, ("/api/v0/me",), "GET")


def register_umami(routes: Routes, parts: Clients) -> None:
    """Give Umami's two endpoints their routes."""
    send, batch = Umami(parts.recorder), UmamiBatch(parts.recorder)
    routes.add_for_clients("umami", send, ("/api/send",), "POST", "OPTIONS")
    routes.add_for_clients("umami batch", batch, ("/api/batch",), "POST", "OPTIONS")


def register_plausible(routes: Routes, parts: Clients) -> None:
    """Give Plausible's endpoint its route."""
    event = Plausible(parts.recorder)
    routes.add_for_clients("plausible", event, ("/api/event",), "POST", "OPTIONS")


def register_waline(routes: Routes, parts: Clients) -> None:
    """Give Waline's page views their routes, those of older clients too."""
    methods = ("GET", "POST", "OPTIONS")
    newer = Waline(parts.recorder, parts.reader, is_bare=False)
    older = Waline(parts.recorder, parts.reader, is_bare=True)
    routes.add_for_clients("waline", newer, ("/api/article",), *methods)
    routes.add_for_clients("waline 2", older, ("/article",), *methods)


def register_visitor_counter(routes: Routes, parts: Clients) -> None:
    """Give GoatCounter's visitor counter its route."""
    counter = VisitorCounter(parts.store, parts.reader.sites)
    routes.add_for_clients(
        "goatcounter counter", counter, ("/counter/<rest:target>",), "GET"
    )


def register_badges(routes: Routes, parts: Clients) -> None:
    """Give the badges of other services their routes."""
    badges = BadgesOfOthers(parts.badges, parts.reader.sites)
    add = routes.add_for_clients
    add("hits", badges.hits, ("/api/count/incr/badge.svg",), "GET")
    add("kept hits", badges.kept_hits, ("/api/count/keep/badge.svg",), "GET")
    add("komarev", badges.komarev, ("/ghpvc", "/ghpvc/"), "GET")
    add("visitor-badge", badges.visitor_badge, ("/badge",), "GET")
    # The last one: it is any path below a host.
    routes.add_below_sites("/<rest:target>", "hits.sh", badges.hits_sh, "GET")


def register_busuanzi(routes: Routes, parts: Clients) -> None:
    """Register the script that stands in for those of busuanzi and its successors, and
    the endpoints of these."""
    pages, rate = PageAddresses(parts.recorder, parts.reader), parts.settings.rate
    add = routes.add_for_clients
    add("drop-in script", ClientScript("drop_in"), DROP_IN, "GET")
    add("busuanzi", Busuanzi(pages, rate), ("/busuanzi",), "GET")
    soxft = SoxftApi(pages)
    for add_one in (routes.add_before_page, routes.add_below_sites):
        add_one("/api", "soxft", soxft, "GET", "POST", "PUT", "OPTIONS")
    add("soxft jsonp", SoxftJsonp(pages), ("/jsonp",), "GET")
    add("soxft ping", ping, ("/ping",), "GET")
    first = Vercount(pages, rate, Version1())
    second = Vercount(pages, rate, Version2())
    methods = ("GET", "POST", "OPTIONS")
    add("vercount 1", first, ("/log", "/api/v1/log"), *methods)
    add("vercount 2", second, ("/api/v2/log",), *methods)
