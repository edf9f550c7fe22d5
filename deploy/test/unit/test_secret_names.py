"""A secret's name in a swarm goes by its content, which it does not tell."""

from hashlib import sha256
from pathlib import Path

import pytest

from deployment.errors import RefusedError
from deployment.stack import names_of_secrets


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Give a folder with a token that somebody chose."""
    (tmp_path / "redis-operator").write_text("made at random")
    (tmp_path / "token").write_text("chosen")
    return tmp_path


def token_of(folder: Path) -> str:
    """Return what the token is called."""
    return names_of_secrets("counter", folder)["SECRET_TOKEN"]


def test_should_call_another_content_by_another_name(secrets: Path) -> None:
    # Given
    before = names_of_secrets("counter", secrets)

    # When
    (secrets / "token").write_text("chosen anew")
    after = names_of_secrets("counter", secrets)

    # Then
    assert before["SECRET_TOKEN"] != after["SECRET_TOKEN"]
    assert before["SECRET_REDIS_OPERATOR"] == after["SECRET_REDIS_OPERATOR"]


def test_should_not_let_a_content_be_guessed_by_its_name(secrets: Path) -> None:
    # Given
    name = token_of(secrets)

    # When: the same token, beside another secret
    (secrets / "redis-operator").write_text("made at random, elsewhere")

    # Then
    assert name.startswith("counter-token-")
    assert sha256(b"chosen").hexdigest()[:8] not in name
    assert token_of(secrets) != name


def test_should_say_what_is_missing_to_name_them(secrets: Path) -> None:
    # Given
    (secrets / "redis-operator").unlink()

    # When
    with pytest.raises(RefusedError) as refused:
        token_of(secrets)

    # Then
    assert f"{secrets}/redis-operator is not there: make secrets" in str(refused.value)
