"""Imports point down only: a module may know what stands below it, nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import page_tracker

PACKAGE = Path(page_tracker.__file__).parent
LAYERS = [
    {"app", "cli", "gunicorn_config"},
    {"commands"},
    {"collecting", "showing", "operating"},
    {"http", "flags"},
    {"tracking"},
    {"settings"},
    {"redis_url"},
]
HEIGHT = {room: -depth for depth, rooms in enumerate(LAYERS) for room in rooms}


def rooms() -> Iterator[tuple[str, Path]]:
    """Give each module with the room (a module or a package) that it is in."""
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room != "__init__":
            yield room, path


def imported(path: Path) -> Iterator[str]:
    """Give the name of every module that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by the whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_should_import_downwards_only() -> None:
    # When
    upwards = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for room, path in rooms()
        for name in imported(path)
        if name.startswith("page_tracker.")
        and (other := name.split(".")[1]) != room
        and HEIGHT[other] >= HEIGHT[room]
    ]

    # Then
    assert not upwards


def test_should_keep_http_out_of_the_domain() -> None:
    # When
    knowing = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for room, path in rooms()
        for name in imported(path)
        if room in ("tracking", "settings")
        and name.split(".")[0] in ("flask", "werkzeug", "gunicorn")
    ]

    # Then
    assert not knowing
