"""The composition root: the Redis client, and the application put together.

Only gunicorn, the flask command and tests import this module.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, request
from redis import Redis

from page_tracker.collecting.pixel import Pixel
from page_tracker.collecting.scripts import script
from page_tracker.collecting.views import Views
from page_tracker.environment import load_settings
from page_tracker.flags.looks import Looks
from page_tracker.http.edge import with_edge
from page_tracker.http.errors import register_errors
from page_tracker.http.serving import WayIn, serve, with_scheme
from page_tracker.operating.forgetting import Forgetting
from page_tracker.operating.health import Health
from page_tracker.settings import FIELDS, Settings
from page_tracker.showing.badge import Badges
from page_tracker.showing.counter import CounterPage
from page_tracker.showing.embed import EmbedPage
from page_tracker.showing.look import LookChoice
from page_tracker.store.store import LazyClient, Store
from page_tracker.tracking.migration import Migration
from page_tracker.tracking.recorder import Recorder, Rules
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.spam import spam_domains
from page_tracker.tracking.wire import Limits

REDIS_TIMEOUT = 0.5
"""Seconds to wait for a connection, and then for each reply. Connecting may try two
addresses of one name, and every answer must be out within 1.5 seconds."""

LARGEST_BODY = 64 * 1024
"""Bytes; Flask answers 413 to more, except where a way in reads more."""


_settings = load_settings()
_client = LazyClient(_settings.counting_url, REDIS_TIMEOUT)


def redis() -> Redis:
    """Return the Redis client of this process. It is made at the first call."""
    return _client()


@dataclass(frozen=True)
class Parts:
    """The parts of one application."""

    settings: Settings
    store: Store
    sites: Registry
    recorder: Recorder


def create_app(settings: Settings) -> Flask:
    """Put an application together. It counts in the Redis of its settings."""
    app = Flask(__name__)
    app.testing = settings.profile == "testing"
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["TEMPLATES_AUTO_RELOAD"] = settings.reload
    app.context_processor(lambda: {"base": request.script_root})
    parts = make_parts(settings)
    register_pages(app, parts)
    register_ways_in(app, parts)
    register_errors(app)
    app.after_request(Forgetting(client_of(settings)).after_request)
    known_scheme = with_scheme(app.wsgi_app, settings.proxies)
    edge = with_edge(known_scheme, is_tested=app.testing)
    app.wsgi_app = edge  # type: ignore[assignment]
    return app


def make_parts(settings: Settings) -> Parts:
    """Make the parts of an application."""
    store = Store(client_of(settings))
    sites = Registry(store, settings.sites, Migration())
    return Parts(settings, store, sites, make_recorder(settings, store, sites))


def client_of(settings: Settings) -> Callable[[], Redis]:
    """Return a function that returns the client for some settings."""
    if settings.counting_url == _settings.counting_url:
        # `redis` is looked up at each call: tests put another function in its place.
        return lambda: redis()  # pylint: disable=unnecessary-lambda
    return LazyClient(settings.counting_url, REDIS_TIMEOUT)


def register_pages(app: Flask, parts: Parts) -> None:
    """Give the pages for people, and the endpoints of operators, their routes."""
    settings, store = parts.settings, parts.store
    looks = Looks(settings.flags) if settings.flags else None
    look_choice = LookChoice(looks, settings.proxies)
    health = Health(store, settings)
    app.add_url_rule("/", "counter", CounterPage(store, look_choice).show)
    app.add_url_rule(
        "/embed", "embed", EmbedPage(settings, look_choice, parts.sites).show
    )
    app.add_url_rule(
        "/robots.txt", "robots", lambda: app.send_static_file("robots.txt")
    )
    app.add_url_rule("/health", "health", health.health)
    app.add_url_rule("/ready", "ready", health.ready)
    app.add_url_rule("/version", "version", health.version)


def register_ways_in(app: Flask, parts: Parts) -> None:
    """Give each way in its route; the script and the endpoint get a second name too."""
    settings, recorder = parts.settings, parts.recorder
    views = Views(recorder, settings.token, settings.rate)
    badges = Badges(recorder, parts.sites, parts.store, settings.max_pages)

    def register(path: str, name: str, way_in: WayIn, *methods: str) -> None:
        serve(app, path, name, way_in, settings.proxies, *methods)

    register("/api/v1/views", "views", views, "POST", "OPTIONS")
    register("/tracker.js", "script", script, "GET")
    register("/pixel.gif", "pixel", Pixel(recorder), "GET")
    register("/badge/<rest:target>", "badge", badges, "GET")
    if settings.endpoint != FIELDS["endpoint"].default:
        register(f"/{settings.endpoint}", "chosen views", views, "POST", "OPTIONS")
    if settings.script != FIELDS["script"].default:
        register(f"/{settings.script}", "chosen script", script, "GET")


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


app = create_app(_settings)
