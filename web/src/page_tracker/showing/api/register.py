"""The routes of the API, and of the dashboard's pages as data."""

from flask import Flask, Response

from page_tracker.http.errors import Invalid, answer_http_error
from page_tracker.numbers.query import QueryError
from page_tracker.showing.api.numbers import NumbersApi
from page_tracker.showing.api.page import send_document, show_page
from page_tracker.showing.api.settings import SettingsApi
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry


def register_api(app: Flask, store: Store, sites: Registry, country_note: str) -> None:
    """Give the API its routes. Dashboard addresses with an ending are the same.

    `country_note` says how countries are found.
    """
    numbers = NumbersApi(store, sites, country_note)
    settings = SettingsApi(sites)
    for start, endings in (
        ("/api/v1/sites", ("", ".csv")),
        ("/dashboard", (".json", ".csv")),
    ):
        for path, name, view in (
            ("", "api sites", numbers.list_sites),
            ("/<site>", "api site", numbers.show_site),
            ("/<site>/<name>", "api table", numbers.show_table),
            ("/<site>/hours", "api hours", numbers.show_hours),
            ("/<site>/live", "api live", numbers.show_live),
        ):
            for ending in endings:
                app.add_url_rule(f"{start}{path}{ending}", name, view)
    app.register_error_handler(QueryError, answer_query_error)
    app.add_url_rule("/api", "api", show_page)
    app.add_url_rule("/api/v1/openapi.json", "openapi", send_document)
    app.add_url_rule("/api/v1/sites", "api add site", settings.add, methods=["POST"])
    app.add_url_rule(
        "/api/v1/sites/<site>", "api change site", settings.change, methods=["PATCH"]
    )


def answer_query_error(error: QueryError) -> Response:
    """Answer a query that is invalid, on pages too, with the parameter's name."""
    return answer_http_error(Invalid(error.parameter, error.message))
