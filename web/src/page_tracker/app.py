"""The composition root: the Redis client, and the application put together.

Only gunicorn, the flask command and tests import this module.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from flask import Flask, request
from redis import Redis

from page_tracker.accounts.secret import Secret
from page_tracker.collecting.pixel import Pixel
from page_tracker.collecting.reading import Reader
from page_tracker.collecting.scripts import script
from page_tracker.collecting.token import Tokens
from page_tracker.collecting.views import Views
from page_tracker.environment import load_settings
from page_tracker.flags.looks import Looks
from page_tracker.http.edge import Edge
from page_tracker.http.errors import register_errors
from page_tracker.http.incoming import CountrySource, EscapedRequest
from page_tracker.http.pages import Pages
from page_tracker.http.routes import Routes
from page_tracker.http.templates import TEMPLATES
from page_tracker.http.wsgi import WsgiServer
from page_tracker.operating.forgetting import Forgetting
from page_tracker.operating.health import Health
from page_tracker.operating.metrics import Counting, Metrics
from page_tracker.settings import FIELDS, Settings
from page_tracker.showing.accounts.pages import register_accounts
from page_tracker.showing.api.register import register_api
from page_tracker.showing.badge import Badges
from page_tracker.showing.clients import Clients, register_clients
from page_tracker.showing.counter import CounterPage
from page_tracker.showing.dashboard.exporting import register_exports
from page_tracker.showing.dashboard.install import InstallPage
from page_tracker.showing.dashboard.numbers_pages import register_dashboard
from page_tracker.showing.dashboard.settings import SettingsPage
from page_tracker.showing.dashboard.sites import SitesPage
from page_tracker.showing.embed import EmbedPage
from page_tracker.showing.feed import Feed
from page_tracker.showing.gate import Gate, check_routes
from page_tracker.showing.language import use_languages
from page_tracker.showing.look import LookChoice
from page_tracker.showing.preferences import choose_preferences
from page_tracker.store.store import LazyClient, Store
from page_tracker.tracking.migration import Migration
from page_tracker.tracking.recorder import Recorder, Rules
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.spam import spam_domains
from page_tracker.tracking.wire import Limits

REDIS_TIMEOUT = 0.5
"""Seconds to wait for a connection, and then for each reply. Connecting may try two
addresses of one name, and every answer must be out within 1.5 seconds."""


_settings = load_settings()
_client = LazyClient(_settings.counting_url, REDIS_TIMEOUT)


def redis() -> Redis:
    """Return the Redis client of this process. It is made at the first call."""
    return _client()


class Applications(NamedTuple):
    """An application for servers of WSGI, for those of ASGI, and its metrics."""

    wsgi: Flask
    asgi: Edge
    metrics: Metrics


@dataclass(frozen=True)
class Parts:
    """The parts of one application."""

    settings: Settings
    store: Store
    sites: Registry
    recorder: Recorder


def create_app(settings: Settings) -> Flask:
    """Put an application together for servers of WSGI, with Redis by its settings."""
    return create_apps(settings).wsgi


def create_apps(settings: Settings) -> Applications:
    """Put an application together, for servers of WSGI and of ASGI."""
    app = Flask(__name__)
    app.request_class = EscapedRequest
    app.testing = settings.profile == "testing"
    app.config["TEMPLATES_AUTO_RELOAD"] = TEMPLATES.auto_reload = settings.reload
    app.context_processor(lambda: {"base": request.script_root})
    use_languages(app)
    pages = Pages(app.wsgi_app, settings.threads, settings.proxies)
    forgetting = Forgetting(client_of(settings))
    edge = Edge(
        pages,
        settings.proxies,
        forgetting.start_if_due,
        countries=country_source_of(settings),
        is_tested=app.testing,
    )
    parts, routes = make_parts(settings), Routes(app, edge)
    secret = Secret(parts.store, settings.secret)
    gate = Gate(parts.store, parts.sites, secret)
    gate.guard(app)
    register_accounts(app, gate, parts.sites, settings)
    register_pages(app, routes, parts)
    register_ways_in(routes, parts)
    register_api(app, parts.store, parts.sites, settings.country_note)
    register_errors(app)
    check_routes(app)
    app.wsgi_app = WsgiServer(edge)  # type: ignore[method-assign]
    counting = Counting(edge, parts.store, parts.recorder)
    return Applications(app, edge, Metrics(counting, settings, client_of(settings)))


def make_parts(settings: Settings) -> Parts:
    """Make the parts of an application."""
    store = Store(client_of(settings))
    sites = Registry(store, settings.sites, Migration())
    return Parts(settings, store, sites, make_recorder(settings, store, sites))


def country_source_of(settings: Settings) -> CountrySource | None:
    """Return what tells the country of a request, or None by default."""
    if not (settings.country_header or settings.country_file):
        return None
    name = (settings.country_header or "").upper().replace("-", "_")
    return CountrySource(name and f"HTTP_{name}", settings.country_file)


def client_of(settings: Settings) -> Callable[[], Redis]:
    """Return a function that returns the client for some settings."""
    if settings.counting_url == _settings.counting_url:
        # `redis` is looked up at each call: tests put another function in its place.
        return lambda: redis()  # pylint: disable=unnecessary-lambda
    return LazyClient(settings.counting_url, REDIS_TIMEOUT)


def register_pages(app: Flask, routes: Routes, parts: Parts) -> None:
    """Give the pages for people, and the endpoints of operators, their routes."""
    settings, store = parts.settings, parts.store
    look_choice = LookChoice(Looks(settings.flags) if settings.flags else None)
    health = Health(store, settings)
    routes.add("/", "counter", CounterPage(store, look_choice), "GET")
    app.add_url_rule(
        "/embed", "embed", EmbedPage(settings, look_choice, parts.sites).show
    )
    app.add_url_rule(
        "/robots.txt", "robots", lambda: app.send_static_file("robots.txt")
    )
    app.add_url_rule(
        "/preferences", "preferences", choose_preferences, methods=["POST"]
    )
    register_owner_pages(app, parts)
    register_dashboard(app, parts.store, parts.sites, settings.country_note)
    feed = Feed(settings, store, parts.sites)
    app.add_url_rule("/feed/<site>", "feed", feed.show)
    app.add_url_rule("/health", "health", health.health)
    app.add_url_rule("/ready", "ready", health.ready)
    app.add_url_rule("/version", "version", health.version)


def register_owner_pages(app: Flask, parts: Parts) -> None:
    """Give the pages on which an owner adds and changes sites their routes."""
    sites = SitesPage(parts.store, parts.sites)
    install = InstallPage(parts.settings, parts.store, parts.sites)
    settings = SettingsPage(parts.settings, parts.store, parts.sites)
    app.add_url_rule("/dashboard", "dashboard", sites.show)
    app.add_url_rule("/dashboard", "add site", sites.add, methods=["POST"])
    path = "/dashboard/<site>"
    app.add_url_rule(f"{path}/install", "install", install.show)
    app.add_url_rule(f"{path}/install/arrived", "arrived", install.show_arrived)
    app.add_url_rule(f"{path}/settings", "settings", settings.show)
    register_exports(app, parts.settings)
    app.add_url_rule(
        f"{path}/settings", "change settings", settings.change, methods=["POST"]
    )


def register_ways_in(routes: Routes, parts: Parts) -> None:
    """Give each way in its route; the script and the endpoint get a second name too."""
    settings, recorder = parts.settings, parts.recorder
    tokens = Tokens(settings.tokens, parts.store)
    reader = Reader(parts.store, parts.sites, settings.max_pages)
    views = Views(recorder, tokens, reader, settings.rate, settings.country_file)
    badges = Badges(recorder, reader)
    routes.add("/api/v1/views", "views", views, "POST", "OPTIONS")
    routes.add("/tracker.js", "script", script, "GET")
    routes.add("/pixel.gif", "pixel", Pixel(recorder), "GET")
    routes.add("/badge/<rest:target>", "badge", badges, "GET")
    if settings.endpoint != FIELDS["endpoint"].default:
        routes.add(f"/{settings.endpoint}", "views", views, "POST", "OPTIONS")
    if settings.script != FIELDS["script"].default:
        routes.add(f"/{settings.script}", "script", script, "GET")
    others = Clients(recorder, reader, tokens, settings, parts.store, badges)
    register_clients(routes, others)


def make_recorder(settings: Settings, store: Store, sites: Registry) -> Recorder:
    """Make the recorder of views, by the settings."""
    rules = Rules(
        own=settings.own,
        spam=spam_domains(settings.spam_referrers),
        privacy_refuses=settings.privacy_signal == "skip",
    )
    limits = Limits(
        pages=settings.max_pages,
        values=settings.max_values,
        rate=settings.rate,
        site_rate=settings.site_rate,
        sites=settings.any_site,
    )
    return Recorder(store, sites, rules, limits)


app, asgi, metrics = create_apps(_settings)
