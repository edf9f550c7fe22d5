"""page-tracker smoke: whether all of a running instance is there."""

import json
import re
import ssl
import sys
from collections.abc import Callable
from html import unescape
from urllib.parse import urljoin, urlsplit

import click

from page_tracker.commands.asking import Instance, NotUp, Wrong, is_url
from page_tracker.commands.output import say
from page_tracker.operating.waiting import wait_for

SECONDS_IN_ALL = 60


def can_count(instance: Instance) -> str:
    """Look whether views can be counted."""
    instance.get("/ready").expect(200)
    return "can count"


def tells_its_version(instance: Instance) -> str:
    """Look which version runs."""
    answer = instance.get("/version")
    answer.expect(200, "application/json")
    running = json.loads(answer.body)
    return f"{running['version']}, commit {running['commit']}"


def has_counter_page(instance: Instance) -> str:
    """Look at the counter page by HEAD: a GET would count."""
    instance.get("/", "text/html", "HEAD").expect(200, "text/html")
    return "the counter page"


def has_pages_with_files(instance: Instance) -> str:
    """Look at a page, and at the style and the scripts that it needs."""
    page = instance.get("/embed", "text/html")
    page.expect(200, "text/html")
    files = re.findall(r'<(?:link|script)\b[^>]*\b(?:href|src)="([^"]+)"', page.text)
    if len(files) < 2:
        raise Wrong("names no files of its own")
    for file in files:
        fetch(instance, urljoin(f"{instance.url}/embed", unescape(file)))
    return f"a page with {len(files)} files"


def has_scripts_of_snippets(instance: Instance) -> str:
    """Look at the scripts that sites are told to embed."""
    page = unescape(instance.get("/embed?site=example.org", "text/html").text)
    names = re.findall(r'<script defer src="([^"]+)"', page)
    paths = sorted({urlsplit(name).path for name in names})
    if not paths:
        raise Wrong("names no script to embed")
    for path in paths:
        fetch(instance, urljoin(f"{instance.url}/", path), "text/javascript")
    return ", ".join(paths)


def fetch(instance: Instance, url: str, type_: str = "") -> None:
    """Look whether a file is there. What is wrong with it names it."""
    try:
        instance.get(url).expect(200, type_)
    except Wrong as error:
        raise Wrong(f"{url}: {error}") from error


def takes_views(instance: Instance) -> str:
    """Look whether pages of other sites may send views."""
    answer = instance.get("/api/v1/views", method="OPTIONS")
    if "POST" not in answer.headers.get("Access-Control-Allow-Methods", ""):
        raise Wrong(f"takes no views of other sites: {answer}")
    instance.get("/pixel.gif", method="HEAD").expect(200, "image/gif")
    return "takes views"


def draws_badges(instance: Instance) -> str:
    """Look at the badge of a site that nobody has."""
    instance.get("/badge/nobody.invalid.svg").expect(404, "image/svg+xml")
    return "draws badges"


def names_requests(instance: Instance) -> str:
    """Look whether errors come in the form that was asked for, with a request's id."""
    for form in ("application/json", "text/html", "text/plain"):
        answer = instance.get("/there-is-no-such-page", form)
        answer.expect(404, form)
        if answer.headers.get("X-Request-ID", "(none)") not in answer.text:
            raise Wrong(f"does not name the request in {form}")
    return "errors name the request"


CHECKS: list[tuple[str, Callable[[Instance], str]]] = [
    ("/ready", can_count),
    ("/version", tells_its_version),
    ("/", has_counter_page),
    ("/embed", has_pages_with_files),
    ("/embed?site=", has_scripts_of_snippets),
    ("/api/v1/views", takes_views),
    ("/badge/", draws_badges),
    ("/no-such-page", names_requests),
]


@click.command()
@click.argument("url")
@click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Trust what this certificate, or its authority, has signed.",
)
@click.option("--insecure", is_flag=True, help="Trust any certificate.")
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0, 600),
    default=0,
    help="Give it time to start.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 60),
    default=10,
    show_default=True,
    help="For each request; all of them have a minute.",
)
def smoke(
    url: str, ca: str | None, insecure: bool, wait: float, timeout: float
) -> None:
    """Check every route of the instance at URL, and count nothing.

    Prints a line for each check. The exit status is 1 when one fails.
    """
    if not is_url(url) or re.search(r"[?#\s]", url):
        instead = "use http://localhost:8000, for example"
        raise click.BadParameter(
            f"'{url}' is not the URL of an instance; {instead}", param_hint="URL"
        )
    context = context_for(ca, insecure)
    instance = Instance(url.rstrip("/"), context, timeout, wait + SECONDS_IN_ALL)
    if not passes(instance, "/health", lambda one: find(one, wait)):
        sys.exit(1)
    failed = sum(not passes(instance, *check) for check in CHECKS)
    if failed:
        say(f"{failed} of {len(CHECKS) + 1} checks failed: {instance.url}")
        sys.exit(1)
    say(f"All {len(CHECKS) + 1} checks passed: {instance.url}")


def context_for(ca: str | None, insecure: bool) -> ssl.SSLContext:
    """Return whom to trust."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        told = f"{ca} holds no certificate that can be read: {error.strerror}"
        raise click.BadParameter(told, param_hint="--ca") from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def find(instance: Instance, seconds: float) -> str:
    """Wait until an instance is up, and say where. Raises Wrong."""
    last = NotUp()

    def is_up() -> str:
        nonlocal last
        try:
            return instance.find()
        except NotUp as error:
            last = error
            return ""

    if not wait_for(is_up, seconds):
        raise last
    return f"answers at {instance.url}"


def passes(instance: Instance, route: str, check: Callable[[Instance], str]) -> bool:
    """Say whether a check passes, and print what it found."""
    try:
        found, passed = check(instance), True
    except Wrong as error:
        found, passed = str(error), False
    except (ValueError, KeyError, TypeError) as error:
        found, passed = f"is not what Page Tracker answers: {error!r}", False
    say(f"{'ok' if passed else 'FAILED':6}  {route:14} {found}")
    return passed
