"""Badges and the page with snippets in a real browser."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

PASTE = "ControlOrMeta+v"


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
    form.get_by_label("Badge").check()
    form.get_by_label("Style").select_option("plastic")
    form.get_by_label("Abbreviate").check()
    form.get_by_label("Site").press("Enter")

    # Then
    options = "blog.example/.svg?style=plastic&abbreviated=yes"
    expect(form.locator("code").first).to_contain_text(f"{options})")
    preview = form.get_by_alt_text("The badge on a light page")
    assert str(preview.get_attribute("src")).endswith(f"{options}&count=no")
    expect(preview).not_to_have_js_property("naturalWidth", 0)
    assert form.evaluate("document.isTheSame")
    assert "site=blog.example" in form.url


def test_should_show_the_fields_of_a_badge_when_a_badge_is_chosen(form: Page) -> None:
    # Given
    expect(form.get_by_label("Style")).to_be_hidden()

    # When
    form.get_by_label("Badge").check()

    # Then
    expect(form.get_by_label("Style")).to_be_visible()


def test_should_show_an_error_beside_the_field_when_its_value_is_invalid(
    form: Page,
) -> None:
    # Given
    form.get_by_label("Badge").check()
    color = form.get_by_label("Colour of the number")

    # When
    color.fill("nope")

    # Then
    expect(form.get_by_text("color is 'nope': use a hex colour")).to_be_visible()
    expect(color).to_have_accessible_description(re.compile("color is 'nope': use "))
    expect(color).to_have_attribute("aria-invalid", "true")
    expect(form.locator("code")).to_have_count(0)

    # When
    color.fill("teal")

    # Then
    expect(form.locator("#color-error")).to_be_hidden()
    expect(color).not_to_have_attribute("aria-invalid", "true")
    expect(form.locator("code").first).to_contain_text("color=teal")


@pytest.mark.parametrize("host", ["localhost", "counter.example"])
def test_should_confirm_the_copy_when_a_snippet_is_copied(
    counter: str, tab: Page, host: str
) -> None:
    # Given
    tab.goto(f"{counter.replace('127.0.0.1', host)}/embed?site=blog.example")
    assert tab.evaluate("isSecureContext") == (host == "localhost")
    snippet = tab.locator("code").first.text_content() or ""

    # When
    tab.get_by_role("button", name="Copy Script", exact=True).press("Enter")

    # Then
    expect(tab.get_by_role("status")).to_have_text("Copied")
    tab.get_by_label("Site").fill("")
    tab.get_by_label("Site").press(PASTE)
    expect(tab.get_by_label("Site")).to_have_value(snippet)


def test_should_work_when_scripts_do_not_run(counter: str, chromium: Browser) -> None:
    # Given
    with chromium.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(f"{counter}/embed")

        # When
        tab.get_by_label("Site").fill("blog.example")
        tab.get_by_label("Badge").check()
        tab.get_by_label("Label", exact=True).fill("seen")
        tab.get_by_role("button").click()

        # Then
        expect(tab.locator("code").first).to_have_text(
            f"![seen]({counter}/badge/blog.example/.svg?label=seen)"
        )
        expect(tab.get_by_role("button")).to_have_count(1)


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
