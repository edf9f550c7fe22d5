"""README, .env.example and docs match the code.

Of the pipeline's tests, only these and test_walk.py import the package, to compare it
with documents.
"""

import ast
import re
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from page_tracker.app import create_app
from page_tracker.cli import main
from page_tracker.collecting import views
from page_tracker.numbers.query import PERIODS
from page_tracker.settings import FIELDS, Settings, variable
from page_tracker.showing.dashboard.cards import LISTS
from page_tracker.tracking.keys import FAMILIES
from page_tracker.tracking.reasons import MEANINGS
from support import ROOT, load, read, run, targets

DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / ".env.example"]
ROUTES = [
    (rule.rule, (rule.methods or set()) - {"HEAD", "OPTIONS"})
    for rule in create_app(Settings()).url_map.iter_rules()
]


def table(name: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = read(name).split(f"# {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]


def written(default: object) -> str:
    """Return a default value as the table of settings has it."""
    if isinstance(default, bool):
        return "`yes`" if default else "`no`"
    return "" if default in (None, "", ()) else f"`{default}`"


TABLES = {
    "docs/settings.md: Settings": [
        [f"`{variable(name)}`", written(field.default), field.description]
        for name, field in FIELDS.items()
    ],
    "docs/counting.md: What is not counted": [
        [f"`{reason}`", meaning] for reason, meaning in MEANINGS.items()
    ],
    "docs/architecture.md: Data": [
        [f"`{family.pattern}`", family.type, family.holds, family.keeps]
        for family in FAMILIES
    ],
}


@pytest.mark.parametrize("place", TABLES)
def test_should_list_what_the_code_declares(place: str) -> None:
    # When
    listed = table(*place.split(": "))

    # Then
    assert listed == TABLES[place]


def test_should_list_every_field_of_a_view() -> None:
    # When
    listed = "".join(row[0] for row in table("docs/counting.md", "The endpoint"))

    # Then
    named = [name for name in re.findall(r"`(\w+)`", listed) if not name.isdecimal()]
    assert sorted(named) == sorted(views.FIELDS)


def test_should_list_every_route() -> None:
    # When
    listed = [row[0] for row in table("docs/routes.md", "Routes")]
    api = "GET /api/v1/sites"
    for path in [route[1:-1] for route in listed if route.startswith(f"`{api}")]:
        page = path.replace(api, "GET /dashboard")
        listed += [f"`{path}.csv`", f"`{page}.json`", f"`{page}.csv`"]

    # Then: routes below the name of a site are those of clients, again
    own = [route for route in ROUTES if not route[0].startswith("/<host:named>/")]
    expected = {f"`{method} {rule}`" for rule, methods in own for method in methods}
    assert sorted(listed) == sorted(expected)


def test_should_name_every_period_and_list_of_the_dashboard() -> None:
    # When
    named = set(re.findall("`([^`]+)`", read("docs/dashboard.md")))

    # Then
    assert {*PERIODS, *LISTS, "hours"} <= named


def test_should_list_every_room_from_top_to_bottom() -> None:
    # Given
    source = read("web/test/unit/test_layers.py")
    layers = ast.literal_eval(source.split("LAYERS = ")[1].split("\nHEIGHT")[0])

    # When
    listed = [row[0] for row in table("docs/architecture.md", "Rooms")]

    # Then
    rooms = [{name.strip("/") for name in re.findall("`(.*?)`", row)} for row in listed]
    assert rooms == layers


def test_should_list_every_command() -> None:
    # Given
    expected = {
        f"{name} {below}".strip()
        for name, command in main.commands.items()
        if not command.hidden
        for below in (command.commands if isinstance(command, click.Group) else [""])
    }

    # When
    command = r"`page-tracker ((?:sites|pages|count|users|tokens) [\w-]+|[\w-]+)"
    named = re.findall(command, read("docs/operating.md"))

    # Then
    assert set(named) == expected


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_should_name_make_targets_and_files_that_exist(document: Path) -> None:
    # Given
    text = document.read_text("utf-8")

    # When: the changelog also names removed targets
    named = re.findall(r"(?:`|\$ )make ([a-z0-9-]+)", text)
    linked = re.findall(r'(?:\]\(|src="|srcset=")(?!https?:)([^)"#]+)', text)

    # Then
    assert document.name == "CHANGELOG.md" or set(named) <= targets()
    assert not [name for name in linked if not (document.parent / name).exists()]


def untranslated(text: str) -> dict[str, object]:
    """Return the parts of a document that no translation changes."""
    code = "".join(re.findall("^```(.*?)^```", text, re.DOTALL | re.MULTILINE))
    return {
        # Without comments, and without the words beside a file.
        "code": [re.split(" {2,}|#", line.strip())[0] for line in code.splitlines()],
        "links": set(re.findall(r"\]\((?!README)(.*?)\)|src=\"(.*?)\"", text)),
        "headings": re.findall("^#+ ", text, re.MULTILINE),
        "rows and points": len(re.findall("^[|-]", text, re.MULTILINE)),
    }


def test_should_have_the_same_contents_in_both_languages() -> None:
    assert untranslated(read("README.zh-CN.md")) == untranslated(read("README.md"))


def anchors_of(document: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall("^#+ (.*)", document.read_text("utf-8"), re.MULTILINE)
    texts = [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_should_link_headings_that_exist(document: Path) -> None:
    # Given
    text = document.read_text("utf-8")

    # When
    linked = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", text)

    # Then
    pages = [(document.parent / page if page else document, to) for page, to in linked]
    assert [to for page, to in pages if to not in anchors_of(page)] == []


def test_should_have_a_page_for_each_alert() -> None:
    # Given
    (group,) = load("deploy/monitoring/alerts.yml")["groups"]
    alerts = {rule["alert"]: rule for rule in group["rules"]}
    pages = {path.stem: path for path in ROOT.glob("docs/alerts/*.md")}

    # When
    listed = {
        re.sub(r"\[(.*?)\].*", r"\1", name): severity
        for name, severity, _ in table("docs/monitoring.md", "Alerts")
    }

    # Then
    assert pages.keys() == alerts.keys() == listed.keys()
    for name, alert in alerts.items():
        assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
        assert alert["annotations"]["runbook_url"] == f"docs/alerts/{name}.md"
        assert alert["labels"]["severity"] == listed[name]
        parts = re.findall("^#.*", pages[name].read_text("utf-8"), re.MULTILINE)
        assert parts == [f"# {name}", "## See it", "## Do"]


def test_should_name_tests_of_the_threat_model_that_exist() -> None:
    # When
    named = set(re.findall(r"`(test_\w+\.py)`", read("SECURITY.md")))

    # Then
    tests = [*ROOT.glob("web/test/*/*.py"), *ROOT.glob("deploy/test/*/*.py")]
    assert len(named) > 8
    assert named <= {test.name for test in tests}


def test_should_have_one_version_and_licence() -> None:
    # When
    _, printed = run(".ci/version")
    heading = re.findall(r"^## (.*)", read("CHANGELOG.md"), re.MULTILINE)[0]

    # Then
    assert printed == f"{version('page-tracker')}\n"
    assert re.fullmatch(
        rf"{printed.strip()} \((unreleased|\d{{4}}-\d\d-\d\d)\)", heading
    )
    assert read("web/LICENSE") == read("LICENSE")


def test_should_name_a_command_that_renovate_can_run_to_update_the_pins() -> None:
    # Given
    locking = read("Makefile").split("\nlock: ")[1]

    # When
    head = read("web/constraints.txt").splitlines()[1]
    command = re.fullmatch(r"#    (uv pip compile (?:--[\w-]+(?:=\S+)? )+\S+)", head)

    # Then
    assert command, "make lock writes it; each option has its value behind a ="
    assert set(command[1].split()) <= set(locking.split())
