"""The page-tracker command, as a stranger meets it."""

import platform
import socket
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from unittest.mock import Mock, patch

import pytest
from click.testing import CliRunner

from page_tracker.cli import main
from page_tracker.settings import FIELDS, variable
from support.servers import COMMAND, free_port, run_program


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """Keep gunicorn from starting; keep logging, signals and the environment."""
    monkeypatch.setattr("page_tracker.cli.exit_at_signal", lambda: None)
    monkeypatch.setenv("PAGE_TRACKER_BIND", f"127.0.0.1:{free_port()}")
    with patch("page_tracker.cli.Server") as it, patch("logging.config.dictConfig"):
        yield it


def test_should_print_its_version() -> None:
    # When
    result = CliRunner().invoke(main, ["--version"])

    # Then
    assert f"Python {platform.python_version()}, redis-py " in result.output
    assert result.output.endswith(f" {version('page-tracker')}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("arguments", ["--version", "serve --help"])
def test_should_end_with_one_line_when_the_output_cannot_be_written(
    tmp_path: Path, arguments: str
) -> None:
    # When
    ended = run_program(tmp_path, "sh", "-c", f"{COMMAND} {arguments} >/dev/full")

    # Then
    assert ended.returncode == 1
    assert ended.stderr == (
        "Error: the output cannot be written: No space left on device\n"
    )


def test_should_explain_every_setting_when_help_is_asked_for() -> None:
    # When
    result = CliRunner().invoke(main, ["serve", "--help"])

    # Then
    assert result.exit_code == 0
    for field in FIELDS:
        assert f"  {variable(field)}" in result.output


def test_should_end_with_one_line_when_a_setting_is_invalid(server: Mock) -> None:
    # When
    result = CliRunner(env={"PAGE_TRACKER_WORKERS": "many"}).invoke(main, ["serve"])

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: PAGE_TRACKER_WORKERS is 'many'")
    assert not server.mock_calls


def test_should_end_with_one_line_when_an_option_is_invalid(server: Mock) -> None:
    # When
    result = CliRunner().invoke(main, ["serve", "--bind", "8000"])

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "HOST:PORT" in line
    assert not server.mock_calls


def test_should_say_how_to_get_redis_when_there_is_none(tmp_path: Path) -> None:
    # Given
    environment = {
        "REDIS_URL": None,
        "PATH": str(tmp_path),
        "PAGE_TRACKER_DATA": str(tmp_path / "data"),
    }

    # When
    result = CliRunner(env=environment).invoke(main, ["serve"])

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "apt install redis-server" in line
    assert "brew install redis" in line
    assert "docker run" in line


def test_should_suggest_an_address_when_the_address_is_in_use(server: Mock) -> None:
    # Given
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"

        # When
        result = CliRunner().invoke(main, ["serve", "--bind", bind])

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith(f"Error: PAGE_TRACKER_BIND is '{bind}': Address already in")
    assert "127.0.0.1:8001" in line
    assert not server.mock_calls


@pytest.mark.parametrize(
    ("folder", "reason"),
    [("taken", "it is not a folder"), ("x" * 120, "bytes too long")],
)
def test_should_name_the_folder_when_it_is_invalid(
    tmp_path: Path, folder: str, reason: str
) -> None:
    # Given
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    environment = {"REDIS_URL": None, "PAGE_TRACKER_DATA": str(tmp_path / folder)}

    # When
    with patch("shutil.which", return_value="/usr/bin/redis-server"):
        result = CliRunner(env=environment).invoke(main, ["serve"])

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith(f"Error: PAGE_TRACKER_DATA is '{tmp_path / folder}': ")
    assert reason in line
