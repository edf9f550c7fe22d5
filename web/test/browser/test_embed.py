"""Badges and the page with snippets in a real browser."""

import re
from itertools import pairwise
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

PASTE = "ControlOrMeta+v"


def snippet(tab: Page, name: str) -> Locator:
    """Return the snippet with a name."""
    heading = tab.get_by_role("heading", name=name, exact=True)
    return tab.get_by_role("article").filter(has=heading).locator("code")


@pytest.fixture
def form(counter: str, tab: Page) -> Page:
    """Give the page with snippets."""
    tab.goto(f"{counter}/embed")
    return tab


def test_should_update_the_snippet_when_the_owner_fills_in_the_form(form: Page) -> None:
    # Given
    form.evaluate("document.isTheSame = true")

    # When
    form.get_by_label("Site").fill("blog.example")
    form.get_by_text("Look of the badge").click()
    form.get_by_label("Style").select_option("plastic")
    form.get_by_label("Abbreviate").check()
    form.get_by_label("Site").press("Enter")

    # Then
    options = "blog.example/.svg?style=plastic&abbreviated=yes"
    expect(snippet(form, "Markdown")).to_contain_text(f"{options})")
    preview = form.get_by_alt_text("The badge on a light page")
    assert str(preview.get_attribute("src")).endswith(f"{options}&count=no")
    expect(preview).not_to_have_js_property("naturalWidth", 0)
    assert form.evaluate("document.isTheSame")
    assert "site=blog.example" in form.url


def test_should_recommend_the_script_when_an_owner_opens_the_page(form: Page) -> None:
    # Then
    expect(form.locator("pre code").first).to_contain_text("<script defer")
    expect(form.locator(".recommended")).to_contain_text("Recommended")
    expect(form.get_by_label("Style")).to_be_hidden()


def test_should_fill_in_site_and_page_when_an_address_is_pasted(form: Page) -> None:
    # When
    site = form.get_by_label("Site")
    site.fill("https://blog.example/about?x=1")
    expect(snippet(form, "Markdown")).to_contain_text(
        "/badge/blog.example/about%3Fx%3D1."
    )

    # Then
    expect(form.get_by_label("Page", exact=True)).to_have_value("/about?x=1")
    expect(site).to_have_value("https://blog.example/about?x=1")
    expect(snippet(form, "Script")).to_contain_text('data-site="blog.example"')


def test_should_show_an_error_beside_the_field_when_its_value_is_invalid(
    form: Page,
) -> None:
    # Given
    form.get_by_text("Look of the badge").click()
    color = form.get_by_label("Colour of the number")

    # When
    color.fill("nope")

    # Then
    expect(form.get_by_text("color is 'nope': use a hex colour")).to_be_visible()
    expect(color).to_have_accessible_description(re.compile("color is 'nope': use "))
    expect(color).to_have_attribute("aria-invalid", "true")
    expect(form.locator("pre")).to_have_count(0)

    # When
    color.fill("teal")

    # Then
    expect(form.locator("#color-error")).to_be_hidden()
    expect(color).not_to_have_attribute("aria-invalid", "true")
    expect(snippet(form, "Markdown")).to_contain_text("color=teal")


@pytest.mark.parametrize("host", ["localhost", "counter.example"])
def test_should_confirm_the_copy_when_a_snippet_is_copied(
    counter: str, tab: Page, host: str
) -> None:
    # Given
    tab.goto(f"{counter.replace('127.0.0.1', host)}/embed?site=blog.example")
    assert tab.evaluate("isSecureContext") == (host == "localhost")
    copied = snippet(tab, "Script").text_content() or ""

    # When
    tab.get_by_role("button", name="Copy Script", exact=True).press("Enter")

    # Then
    expect(tab.get_by_role("status")).to_have_text("Copied")
    tab.get_by_label("Site").fill("")
    tab.get_by_label("Site").press(PASTE)
    expect(tab.get_by_label("Site")).to_have_value(copied)


@pytest.mark.parametrize("width", [390, 1280])
def test_should_work_when_scripts_do_not_run(
    counter: str, chromium: Browser, width: int
) -> None:
    # Given
    with chromium.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 800}
    ) as context:
        tab = context.new_page()
        tab.goto(f"{counter}/embed")

        # When
        tab.get_by_label("Site").fill("https://blog.example/about")
        tab.get_by_role("button").click()
        expect(tab.get_by_label("Style")).to_be_hidden()
        tab.get_by_text("Look of the badge").click()
        tab.get_by_label("Label", exact=True).fill("seen")
        tab.get_by_role("button").click()
        expect(tab.get_by_label("Style")).to_be_visible()

        # Then
        expect(snippet(tab, "Markdown")).to_have_text(
            f"![seen]({counter}/badge/blog.example/about.svg?label=seen)"
        )
        expect(tab.get_by_label("Page", exact=True)).to_have_value("/about")
        expect(tab.get_by_role("button")).to_have_count(1)
        for heading in tab.get_by_role("article").all():
            parts = [
                heading.locator(part).bounding_box() for part in ("h2, h3", "p", "pre")
            ]
            for above, below in pairwise(filter(None, parts)):
                assert above["y"] + above["height"] <= below["y"]


@pytest.mark.parametrize("style", ["flat", "flat-square", "plastic", "for-the-badge"])
@pytest.mark.parametrize(
    "label", ["views", "W" * 64, "访问次数", "זיארות", "زيارات", "👀 é"]
)
def test_should_draw_each_text_within_its_part_when_labels_are_long_or_foreign(
    counter: str, tab: Page, style: str, label: str
) -> None:
    # When
    query = f"style={style}&label={quote(label)}&base=1000000000000&count=no"
    tab.goto(f"{counter}/badge/blog.example/a.svg?{query}")
    parts, texts = (
        tab.evaluate(
            "name => [...document.querySelectorAll(name)].map(element => "
            "(({left, right}) => ({left, right}))(element.getBoundingClientRect()))",
            f"{name}:not(clipPath rect, [fill='url(#shading)'])",
        )
        for name in ("rect", "text")
    )

    # Then
    assert len(parts) == len(texts) == 2
    for part, text in zip(parts, texts, strict=True):
        assert part["left"] + 3 < text["left"] < text["right"] < part["right"] - 3


def test_should_show_the_badge_when_another_site_embeds_it(
    counter: str, visitor: BrowserContext
) -> None:
    # Given
    tab = visitor.new_page()

    # When
    tab.set_content(f'<img src="{counter}/badge/blog.example/readme.svg">')

    # Then
    expect(tab.get_by_role("img")).not_to_have_js_property("naturalWidth", 0)
