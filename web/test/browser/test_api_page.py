"""The page of the API, as people read it and try the API."""

from playwright.sync_api import Page, expect

VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


def test_should_draw_and_try_the_api_when_only_this_server_answers(
    counter: str, tab: Page
) -> None:
    # Given
    tab.add_init_script(VIOLATIONS)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))

    # When
    tab.goto(f"{counter}/api")
    tab.locator("#operations-numbers-listSites .opblock-summary-control").click()
    tab.get_by_role("button", name="Try it out").click()
    tab.get_by_role("button", name="Execute").click()

    # Then
    answer = tab.locator(".live-responses-table .response").first
    expect(answer).to_contain_text("401")
    expect(answer).to_contain_text("Unauthorized")
    assert f"{counter}/api/v1/sites?start=0&limit=100" in asked
    assert not [url for url in asked if not url.startswith((counter, "data:"))]
    assert tab.evaluate("violations") == []
