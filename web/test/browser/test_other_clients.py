"""Clients of Umami, Plausible and Waline, of our own writing, do what those of others
do."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from page_tracker.store.waiting import wait_for
from support.pages import document
from support.web import COUNTER, SECONDS_TO_ARRIVE, Web

SITE = "blog.example"

UMAMI = """
let cache, before = "";
window.answers = [];
const send = async (more) => {
  const payload = {website: "b59e9c65-0a1f-4d5a-9c6e-000000000000",
    title: document.title, hostname: location.hostname,
    url: location.href, referrer: before,
    language: navigator.language, screen: `${screen.width}x${screen.height}`, ...more};
  const headers = {"Content-Type": "application/json"};
  if (cache !== undefined) headers["x-umami-cache"] = cache;
  const answer = await fetch("%s/api/send", {method: "POST", keepalive: true, headers,
    credentials: "omit", body: JSON.stringify({type: "event", payload})});
  const data = await answer.json();
  cache = data.cache;
  answers.push(!!data.sessionId && !data.disabled);
};
const push = history.pushState;
history.pushState = (...state) => {
  before = location.href;
  push.apply(history, state);
  setTimeout(send, 300);
};
send().then(() => history.pushState({}, "", "/umami-two"));
window.umami = {track: (name, data) => send({name, data})};
"""

PLAUSIBLE = """
window.statuses = [];
let last = location.href;
const send = (more) => fetch("%s/api/event", {method: "POST", keepalive: true,
  headers: {"Content-Type": "text/plain"}, body: JSON.stringify({v: 36,
    u: last, d: "blog.example,shop.example", r: document.referrer || null, ...more})})
  .then(({status}) => statuses.push(status));
const push = history.pushState;
history.pushState = (...state) => {
  send({n: "engagement", sd: 50, e: 4000});
  push.apply(history, state);
  last = location.href;
  send({n: "pageview"});
};
send({n: "pageview"}).then(() => history.pushState({}, "", "/plausible-two"));
window.plausible = (name, props) => send({n: name, p: props, i: false});
"""

OLD_WALINE = """
const elements = [...document.querySelectorAll(".waline-pageview-count")];
const fill = (numbers) => elements.forEach((element, place) => {
  element.innerText = numbers[place].toString();
});
fetch("%s/article?lang=en", {method: "POST",
  headers: {"Content-Type": "application/json"},
  body: JSON.stringify({path: location.pathname, type: "time", action: "inc"})})
  .then((answer) => answer.json())
  .then((number) => fill(Array(elements.length).fill(number)))
  .catch(() => {}).then(() => document.body.append("done"));
"""

WALINE = """
const server = "%s/api/article";
const show = (elements, numbers) => elements.forEach((element, place) => {
  if (typeof numbers[place].time === "number")
    element.textContent = numbers[place].time.toString();
});
const all = [...document.querySelectorAll(".waline-pageview-count")];
const other = all.filter((element) => element.dataset.path);
const paths = other.map((element) => element.dataset.path).join(",");
const read = async (answer) => {
  const body = await answer.json();
  if (body.errno) throw new TypeError(body.errmsg);
  return body.data;
};
fetch(`${server}?lang=en`, {method: "POST",
  headers: {"Content-Type": "application/json"},
  body: JSON.stringify({path: location.pathname, type: "time", action: "inc"})})
  .then(read).then((data) => show(all.filter((one) => !other.includes(one)), data));
fetch(`${server}?path=${encodeURIComponent(paths)}&type=time&lang=en`)
  .then(read).then((data) => show(other, data));
"""


@pytest.mark.usefixtures("no_errors")
def test_should_count_each_page_and_event_when_an_application_has_umami(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    script = UMAMI % web.url(COUNTER)
    web.pages[f"{SITE}/umami-one"] = document("", f"<script>{script}</script>")

    # When
    tab.goto(web.url(f"{SITE}/umami-one"))

    # Then
    assert wait_for(lambda: stored("/umami-two") == 1, SECONDS_TO_ARRIVE)
    tab.evaluate("umami.track('signup', {plan: 'free'})")
    tab.wait_for_function("answers.length === 3")
    assert stored("/umami-one") == 1
    assert tab.evaluate("answers") == [True] * 3


@pytest.mark.usefixtures("no_errors")
def test_should_count_each_page_for_each_site_when_an_application_has_plausible(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    script = PLAUSIBLE % web.url(COUNTER)
    web.pages[f"{SITE}/plausible-one"] = document("", f"<script>{script}</script>")

    # When
    tab.goto(web.url(f"{SITE}/plausible-one"))
    tab.wait_for_function("statuses.length === 3")
    tab.evaluate("plausible('Signup', {plan: 'free'})")
    tab.wait_for_function("statuses.length === 4")

    # Then
    assert tab.evaluate("statuses") == [202] * 4
    for page in ("/plausible-one", "/plausible-two"):
        assert (stored(page), stored(page, "shop.example")) == (1, 1)


@pytest.mark.parametrize(
    ("host", "shown"), [(SITE, "1"), ("unknown.example", "as before")]
)
def test_should_show_a_number_or_leave_the_page_when_it_has_an_older_waline(
    web: Web, tab: Page, host: str, shown: str
) -> None:
    # Given
    element = '<b class="waline-pageview-count">as before</b>'
    script = f"<script>{OLD_WALINE % web.url(COUNTER)}</script>"
    web.pages[f"{host}/old-waline"] = document("", element + script)

    # When
    tab.goto(web.url(f"{host}/old-waline"))

    # Then
    expect(tab.get_by_text("done")).to_be_visible()
    expect(tab.locator(".waline-pageview-count")).to_have_text(shown)


@pytest.mark.usefixtures("no_errors")
def test_should_fill_the_elements_when_a_page_has_walines_counter(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    elements = (
        '<b class="waline-pageview-count" id="here"></b>'
        '<b class="waline-pageview-count" id="there" data-path="/waline-two"></b>'
    )
    script = f"<script>{WALINE % web.url(COUNTER)}</script>"
    for page in ("waline-one", "waline-two"):
        web.pages[f"{SITE}/{page}"] = document("", elements + script)

    # When
    tab.goto(web.url(f"{SITE}/waline-two"))
    expect(tab.locator("#here")).to_have_text("1")
    tab.goto(web.url(f"{SITE}/waline-one"))

    # Then
    expect(tab.locator("#here")).to_have_text("1")
    expect(tab.locator("#there")).to_have_text("1")
    assert (stored("/waline-one"), stored("/waline-two")) == (1, 1)
