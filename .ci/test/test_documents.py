"""README, .env.example and the rest say what the code does.

Of the tests of the pipeline, these alone import the package: documents are held to it.
"""

import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from page_tracker.app import create_app
from page_tracker.cli import main
from page_tracker.collecting.sent import SentView
from page_tracker.settings import FIELDS, TAKEN, Settings, variable
from page_tracker.tracking.filters import FILTERS
from page_tracker.tracking.keys import FAMILIES

ROOT = Path(__file__).parents[2]


def read(name: str) -> str:
    """Return a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def table(name: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = read(name).split(f"# {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]


def test_should_list_every_setting_with_its_default_and_meaning() -> None:
    # Given
    def written(default: object) -> str:
        if isinstance(default, bool):
            return "`yes`" if default else "`no`"
        return "" if default in (None, "", ()) else f"`{default}`"

    expected = [
        [f"`{variable(name)}`", written(field.default), field.description]
        for name, field in FIELDS.items()
    ]

    # When
    listed = table("docs/settings.md", "Settings")

    # Then
    assert listed == expected


def test_should_explain_every_reason_not_to_count() -> None:
    # Given
    expected = [[f"`{entry.reason}`", entry.meaning] for entry in FILTERS]

    # When
    listed = table("docs/counting.md", "What is not counted")

    # Then
    assert listed == expected


def test_should_list_every_field_of_a_view() -> None:
    # When
    listed = [row[0] for row in table("docs/counting.md", "The endpoint")]

    # Then
    named = [name for cell in listed for name in re.findall(r"`(\w+)`", cell)]
    assert [name for name in named if not name.isdecimal()] == list(
        SentView.model_fields
    )


def test_should_list_every_key_of_redis() -> None:
    # Given
    expected = [
        [f"`{family.pattern}`", family.type, family.holds, family.keeps]
        for family in FAMILIES
    ]

    # When
    listed = table("docs/architecture.md", "Data")

    # Then
    assert listed == expected


def test_should_list_every_route() -> None:
    # Given
    app = create_app(Settings())
    expected = {
        f"`{method} {rule.rule}`"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    # When
    listed = [row[0] for row in table("README.md", "Routes")]

    # Then
    assert sorted(listed) == sorted(expected)


def test_should_know_every_name_that_is_taken() -> None:
    # Given
    own = {f"/{FIELDS[name].default}" for name in ("script", "endpoint")}

    # When
    rules = {rule.rule for rule in create_app(Settings()).url_map.iter_rules()}

    # Then
    named = {rule for rule in rules if "<" not in rule} - own - {"/"}
    assert sorted(named) == [f"/{name}" for name in TAKEN]


@pytest.mark.parametrize(
    "document",
    ["README.md", "CONTRIBUTING.md", ".env.example", "SECURITY.md"]
    + [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))],
)
def test_should_name_make_targets_that_exist(document: str) -> None:
    # Given
    targets = set(re.findall(r"^([a-z0-9-]+):", read("Makefile"), re.MULTILINE))

    # When
    named = re.findall(r"(?:`|\$ )make ([a-z0-9-]+)", read(document))

    # Then
    assert set(named) <= targets


def test_should_list_every_command() -> None:
    # Given
    expected = set()
    for name, command in main.commands.items():
        if isinstance(command, click.Group):
            expected |= {f"{name} {below}" for below in command.commands}
        else:
            expected.add(name)

    # When
    named = set(
        re.findall(
            r"`page-tracker ((?:sites|count) \w+|\w+)", read("docs/operating.md")
        )
    )

    # Then
    assert named == expected


def test_should_link_to_files_that_exist() -> None:
    # When
    broken = [
        f"{document.name}: {target}"
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
        for target in re.findall(
            r'(?:\]\(|src="|srcset=")(?!https?:)([^)"#]+)',
            document.read_text(encoding="utf-8"),
        )
        if not (document.parent / target).exists()
    ]

    # Then
    assert not broken


def test_should_have_one_version() -> None:
    # When
    told = subprocess.run(
        [ROOT / ".ci/version"], capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()
    heading = re.findall(r"^## (.*)", read("CHANGELOG.md"), re.MULTILINE)[0]

    # Then
    assert told == version("page-tracker")
    assert re.fullmatch(
        rf"{re.escape(told)} \((unreleased|\d{{4}}-\d\d-\d\d)\)", heading
    )
    assert told not in read("web/Dockerfile")


def test_should_ship_the_licence() -> None:
    # Then
    assert read("web/LICENSE") == read("LICENSE")
