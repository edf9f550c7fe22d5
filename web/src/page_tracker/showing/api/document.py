"""The OpenAPI document, made of the models and the query that the code itself uses."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from page_tracker.numbers.models import HeatMap, Live, Overview, Table
from page_tracker.showing.api.models import (
    ExistingSiteChanges,
    NewSite,
    ProblemDetails,
    SiteList,
    SiteSettings,
)
from page_tracker.showing.api.parameters import (
    OF_NUMBERS,
    OF_PAGING,
    OF_ROWS,
    SITE,
    TABLE,
)
from page_tracker.showing.api.ways_in import PATHS_OF_VIEWS
from page_tracker.showing.cookies import SESSION

Document = dict[str, Any]

SENT = (Overview, Table, HeatMap, Live, SiteList, SiteSettings, ProblemDetails)
TAKEN = (NewSite, ExistingSiteChanges)

DESCRIPTION = """\
The numbers of the dashboard, for programs. Days and hours are those of the site's time
zone. Shares and changes are fractions: 0.5 is a half, or half more.

A public dashboard needs no token. A site that you may not see is answered as one that
does not exist.
"""

PROBLEMS = {
    400: "A parameter or field is invalid: `parameter` names it.",
    401: "Nobody signed in, or the token is wrong.",
    403: "The token, or the user, may not do this.",
    404: "There is no such site, or you may not see it.",
    409: "The site is registered already, or a change would delete days.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    503: "Redis is unavailable: try again after `Retry-After`.",
}
BY_SERVER = {
    "414": {
        "description": "The address is too long.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}
"""Answers of the server, before it reads the path."""

OF_ALL = (400, 401, 403, 404, 503)
OF_CHANGES = (*OF_ALL, 409, 413, 415)


@cache
def document() -> Document:
    """Return the OpenAPI document, without the address of the server."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Page Tracker",
            "version": "1",
            "description": DESCRIPTION,
        },
        "tags": [
            {"name": "numbers", "description": "What a site's dashboard shows"},
            {"name": "sites", "description": "Register and change sites"},
            {"name": "views", "description": "Count views"},
        ],
        "security": [{"token": []}, {"session": []}, {}],
        "paths": _paths_of_sites() | _paths_of_numbers() | PATHS_OF_VIEWS,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token with the scope read; manage for changes",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": SESSION,
                    "description": "A user who signed in to the dashboard",
                },
            },
        },
    }


def _schemas() -> Document:
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "serialization") for model in SENT),
        *((model, "validation") for model in TAKEN),
    ]
    _, schemas = models_json_schema(modes, ref_template="#/components/schemas/{model}")
    return dict(schemas["$defs"])


def _paths_of_sites() -> Document:
    read = _get("listSites", "List your sites with their week", SiteList, OF_PAGING)
    add = _change("addSite", "Register a site", NewSite, 201)
    change = _change("changeSite", "Change settings of a site", ExistingSiteChanges)
    return {
        "/api/v1/sites": {"get": read, "post": add},
        "/api/v1/sites.csv": {"get": _as_csv(read)},
        "/api/v1/sites/{site}": {"patch": change | {"parameters": [SITE]}},
    }


def _paths_of_numbers() -> Document:
    operations = {
        "": _get("getSite", "Get figures, buckets and tables", Overview, OF_NUMBERS),
        "/{table}": _get("getTable", "Get a table in full", Table, (TABLE, *OF_ROWS)),
        "/hours": _get(
            "getHours", "Get views by weekday and hour", HeatMap, OF_NUMBERS
        ),
        "/live": _get("getLive", "Get what happens now", Live, ()),
    }
    paths = {}
    for end, operation in operations.items():
        path = f"/api/v1/sites/{{site}}{end}"
        paths[path] = {"get": operation}
        paths[f"{path}.csv"] = {"get": _as_csv(operation)}
    paths["/api/v1/sites/{site}"] |= _paths_of_sites()["/api/v1/sites/{site}"]
    return paths


def _get(
    name: str, summary: str, model: type[BaseModel], parameters: Sequence[Document]
) -> Document:
    has_site = model is not SiteList
    return {
        "operationId": name,
        "tags": ["numbers"],
        "summary": summary,
        "parameters": [*[SITE] * has_site, *parameters],
        "responses": {
            "200": {
                "description": summary,
                "headers": {"ETag": {"schema": {"type": "string"}}},
                "content": {
                    "application/json": {"schema": _reference(model)},
                    "text/csv": {"schema": {"type": "string"}},
                },
            },
            "304": {"description": "Nothing changed since the `If-None-Match` sent."},
            **_problems(OF_ALL if has_site else (400, 401, 403, 503)),
        },
    }


def _as_csv(operation: Document) -> Document:
    """Return the operation of an address that ends in `.csv`."""
    done = operation["responses"]["200"]
    csv = {"content": {"text/csv": done["content"]["text/csv"]}}
    return operation | {
        "operationId": f"{operation['operationId']}AsCsv",
        "summary": f"{operation['summary']}, as CSV",
        "responses": operation["responses"] | {"200": done | csv},
    }


def _change(
    name: str, summary: str, body: type[BaseModel], status: int = 200
) -> Document:
    statuses = OF_CHANGES if status == 200 else set(OF_CHANGES) - {404}
    return {
        "operationId": name,
        "tags": ["sites"],
        "summary": summary,
        "security": [{"token": []}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _reference(body)}},
        },
        "responses": {
            str(status): {
                "description": "The site and its settings",
                "content": {"application/json": {"schema": _reference(SiteSettings)}},
            },
            **_problems(sorted(statuses)),
        },
    }


def _problems(statuses: Iterable[int]) -> Document:
    content = {"application/problem+json": {"schema": _reference(ProblemDetails)}}
    problems = {
        str(status): {"description": PROBLEMS[status], "content": content}
        for status in statuses
    }
    return problems | BY_SERVER


def _reference(model: type[BaseModel]) -> Document:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
