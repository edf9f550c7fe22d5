"""Imports point down only, and so do ties that are made by strings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

import page_tracker

PACKAGE = Path(page_tracker.__file__).parent
LAYERS = [
    {"cli", "gunicorn_config"},
    {"app"},
    {"commands"},
    {"showing", "operating"},
    {"collecting"},
    {"http"},
    {"environment"},
    {"settings"},
    {"flags", "log_levels"},
    {"exporting"},
    {"accounts", "backup", "importing", "numbers"},
    {"tracking"},
    {"store"},
]
HEIGHT = {room: -depth for depth, rooms in enumerate(LAYERS) for room in rooms}


def room_of(module: str) -> str:
    """Return the room of a module, given by its whole name."""
    return module.split(".")[1]


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Give the room, the path and the code of each module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if place.name != "__init__.py":
            code = ast.parse(path.read_text(encoding="utf-8"))
            yield place.parts[0].removesuffix(".py"), str(place), code


def imported(code: ast.Module) -> Iterator[str]:
    """Give the name of every module that a module imports, anywhere in it."""
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"import {node.names} by the whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def texts_of(code: ast.Module) -> Iterator[str]:
    """Give the source of a module, and of each template that it names."""
    yield ast.unparse(code)
    for node in ast.walk(code):
        if isinstance(node, ast.Constant) and str(node.value).endswith(".html"):
            yield (PACKAGE / "templates" / str(node.value)).read_text(encoding="utf-8")


def test_should_import_downwards_only() -> None:
    # When
    upwards = [
        f"{place} imports {name}"
        for room, place, code in modules()
        for name in imported(code)
        if name.startswith("page_tracker.")
        and (other := room_of(name)) != room
        and HEIGHT[other] >= HEIGHT[room]
    ]

    # Then
    assert not upwards


def test_should_name_only_routes_that_stand_below(app: Flask) -> None:
    # Given
    owners = {name: view.__module__ for name, view in app.view_functions.items()}

    # When
    upwards = [
        f"{place} names the route {route}"
        for room, place, code in modules()
        for text in texts_of(code)
        for route in re.findall(r"url_for\(['\"](.+?)['\"]", text)
        if route != "static"
        and (other := room_of(owners[route])) != room
        and HEIGHT[other] >= HEIGHT[room]
    ]

    # Then
    assert not upwards


def test_should_tie_no_parts_by_a_key() -> None:
    # When
    tied = [place for _, place, code in modules() if ".extensions" in ast.unparse(code)]

    # Then
    assert not tied


def test_should_keep_flask_and_gunicorn_out_of_ways_in_and_the_domain() -> None:
    # When
    knowing = [
        f"{place} imports {name}"
        for room, place, code in modules()
        for name in imported(code)
        if room
        in (
            "collecting",
            "settings",
            "accounts",
            "backup",
            "numbers",
            "tracking",
            "store",
        )
        and name.split(".")[0] in ("flask", "werkzeug", "gunicorn")
    ]

    # Then
    assert not knowing
