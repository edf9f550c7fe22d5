"""The description of the API has all of it."""

import json

from flask import Flask
from flask.testing import FlaskClient

from page_tracker.collecting.views import FIELDS
from page_tracker.showing.api.asked import PARAMETERS
from page_tracker.showing.api.document import document
from page_tracker.showing.api.ways_in import VIEW


def test_should_describe_each_route_and_method(app: Flask) -> None:
    # When
    described = {
        (path, method.upper())
        for path, operations in document()["paths"].items()
        for method in operations
        if path.startswith("/api/v1/")
    }

    # Then
    names = str.maketrans("<>", "{}")
    assert described == {
        (rule.rule.translate(names).replace("{name}", "{table}"), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1/")
        and rule.endpoint not in ("openapi", "vercount 1")
    }


def test_should_describe_each_parameter_and_field() -> None:
    # When
    table = document()["paths"]["/api/v1/sites/{site}/{table}"]["get"]

    # Then
    named = {one["name"] for one in table["parameters"] if one["in"] == "query"}
    assert named == PARAMETERS
    assert set(VIEW["properties"]) == FIELDS


def test_should_name_the_path_of_the_server_when_a_proxy_serves_below_one(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get(
        "/api/v1/openapi.json", environ_overrides={"SCRIPT_NAME": "/counter"}
    )

    # Then
    sent = json.loads(answer.data)
    assert sent["openapi"] == "3.1.0"
    assert sent["servers"] == [{"url": "/counter"}]
