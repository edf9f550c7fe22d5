"""The composition root: the Redis client, and the application put together.

Only gunicorn, the flask command and tests import this module.
"""

from collections.abc import Callable

from flask import Flask
from redis import Redis

from page_tracker.collecting.pixel import Pixel
from page_tracker.collecting.scripts import script
from page_tracker.collecting.views import Views
from page_tracker.environment import load_settings
from page_tracker.flags.looks import Looks
from page_tracker.http.errors import register_errors
from page_tracker.http.log import with_log
from page_tracker.http.parts import KEY, Parts
from page_tracker.http.serving import WayIn, register_headers, serve
from page_tracker.operating import health
from page_tracker.settings import DEFAULT_REDIS_URL, FIELDS, Settings
from page_tracker.showing.badge import Badges
from page_tracker.showing.counter import CounterPage
from page_tracker.showing.embed import EmbedPage
from page_tracker.store.store import LazyClient, Store
from page_tracker.tracking.recorder import Recorder, Rules, spam_referrers
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.script import Limits

REDIS_TIMEOUT = 0.5
"""Seconds to wait for a connection, and then for each reply. Connecting may try two
addresses of one name, and every answer must be out within 1.5 seconds."""

LARGEST_BODY = 64 * 1024
"""Bytes; Flask answers 413 to more, except where a way in reads more."""


_settings = load_settings()
_client = LazyClient(_settings.redis_url or DEFAULT_REDIS_URL, REDIS_TIMEOUT)


def redis() -> Redis:
    """Return the Redis client of this process. It is made at the first call."""
    return _client()


def create_app(settings: Settings) -> Flask:
    """Put an application together. It counts in the Redis of its settings.

    If they name none, it counts in the Redis of this process, which `redis` returns.
    """
    app = Flask(__name__)
    app.testing = settings.profile == "testing"
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["TEMPLATES_AUTO_RELOAD"] = settings.reload
    store = Store(client_of(settings))
    looks = Looks(settings.flags) if settings.flags else None
    app.extensions[KEY] = Parts(settings, store, looks)
    register_pages(app, settings, store)
    register_ways_in(app, settings, store)
    register_errors(app)
    register_headers(app)
    app.wsgi_app = with_log(app.wsgi_app)  # type: ignore[assignment]
    return app


def client_of(settings: Settings) -> Callable[[], Redis]:
    """Return a function that returns the client for some settings."""
    if settings.redis_url in (None, _settings.redis_url):
        # `redis` is looked up at each call: tests put another function in its place.
        return lambda: redis()  # pylint: disable=unnecessary-lambda
    return LazyClient(settings.redis_url, REDIS_TIMEOUT)


def register_pages(app: Flask, settings: Settings, store: Store) -> None:
    """Give the pages for people, and the endpoints of operators, their routes."""
    app.add_url_rule("/", "counter", CounterPage(store).show)
    app.add_url_rule("/embed", "embed", EmbedPage(settings).show)
    app.register_blueprint(health.bp)


def register_ways_in(app: Flask, settings: Settings, store: Store) -> None:
    """Give each way in its route; the script and the endpoint get a second name too."""
    sites = Registry(store, settings.sites)
    recorder = make_recorder(settings, store, sites)
    views = Views(recorder, settings.token, settings.rate)
    badges = Badges(recorder, sites, store, settings.max_pages)

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
        spam=spam_referrers(settings.spam_referrers),
        privacy_refuses=settings.privacy_signal == "skip",
    )
    limits = Limits(
        pages=settings.max_pages,
        values=settings.max_values,
        rate=settings.rate,
        sites=settings.any_site,
    )
    return Recorder(store, sites, rules, limits)


app = create_app(_settings)
