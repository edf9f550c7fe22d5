"""The settings, compared with what the application does."""

from flask import Flask

from page_tracker.settings import FIELDS, TAKEN


def test_should_know_every_name_that_is_taken(app: Flask) -> None:
    # Given
    own = {f"/{FIELDS[name].default}" for name in ("script", "endpoint")}
    routes = {rule.rule for rule in app.url_map.iter_rules() if not rule.arguments}

    # When
    named = routes - own - {"/"}

    # Then
    assert sorted(named) == [f"/{name}" for name in TAKEN]
