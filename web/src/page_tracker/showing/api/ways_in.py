"""The ways in that count views, for the OpenAPI document."""

from typing import Any

from page_tracker.showing.badge_options import BadgeOptions

Document = dict[str, Any]

OPTIONS_OF_BADGES: Document = BadgeOptions.model_json_schema()["properties"]

TEXT: Document = {"type": "string"}
NUMBERS: Document = {
    "type": "object",
    "properties": {"views": {"type": "integer"}, "uniques": {"type": "integer"}},
}

VIEW: Document = {
    "type": "object",
    "required": ["site", "page"],
    "properties": {
        "site": TEXT | {"examples": ["example.org"]},
        "page": TEXT | {"examples": ["/about"], "description": "path with its query"},
        "referrer": TEXT,
        "title": TEXT,
        "event": TEXT | {"description": "event to count instead of a view"},
        "id": TEXT | {"description": "counts once in 24 hours"},
        "age": {"type": "number", "description": "seconds since the view"},
        "privacy": {"type": "boolean"},
        "own": {"type": "boolean"},
        "visitors": {
            "type": "boolean",
            "description": "whether the answer has the visitors of all days",
        },
        "language": TEXT,
        "country": TEXT,
        "zone": TEXT | {"description": "time zone of the browser"},
        "host": TEXT | {"description": "host that showed the page"},
        "time": TEXT | {"format": "date-time", "description": "needs the token"},
        "address": TEXT | {"description": "of the visitor; needs the token"},
        "user_agent": TEXT | {"description": "of the visitor; needs the token"},
    },
}

ONE: Document = {
    "type": "object",
    "required": ["counted"],
    "properties": {
        "counted": {"type": "boolean"},
        "reason": TEXT | {"description": "why it was filtered"},
        "detail": TEXT,
        "page": NUMBERS,
        "site": NUMBERS,
        "ignored": {"type": "array", "items": TEXT},
    },
}

MANY: Document = {
    "type": "object",
    "required": ["counted", "filtered", "errors"],
    "properties": {
        "counted": {"type": "array", "items": {"type": "integer"}},
        "filtered": {"type": "array", "items": {"type": "object"}},
        "errors": {"type": "array", "items": {"type": "object"}},
        "ignored": {"type": "array", "items": TEXT},
    },
}

ERROR: Document = {
    "type": "object",
    "required": ["status", "error", "detail", "request_id"],
    "properties": {
        "status": {"type": "integer"},
        "error": TEXT,
        "detail": TEXT,
        "request_id": TEXT,
    },
}

ERRORS = {
    400: "Something is invalid. Of many views, the valid ones are counted.",
    401: "The token is wrong, or missing for a field that needs it.",
    403: "The token may not send views, or not of this site.",
    404: "The site is not registered.",
    413: "The body is too large.",
    429: "Too many views: resend after `Retry-After`.",
    503: "Redis is unavailable: resend with the same `id` after `Retry-After`.",
}


def _answer(description: str, *schemas: Document) -> Document:
    schema = {"anyOf": list(schemas)} if len(schemas) > 1 else schemas[0]
    return {
        "description": description,
        "content": {"application/json": {"schema": schema}},
    }


def _in_query(name: str, is_required: bool = False) -> Document:
    return {"name": name, "in": "query", "required": is_required, "schema": TEXT}


PATHS_OF_VIEWS: Document = {
    "/api/v1/views": {
        "post": {
            "operationId": "countViews",
            "tags": ["views"],
            "summary": "Count a view, or many",
            "security": [{}, {"token": []}],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"anyOf": [VIEW, {"type": "array", "items": VIEW}]}
                    }
                },
            },
            "responses": {
                "200": _answer("Counted or filtered", ONE, MANY),
                **{
                    str(status): _answer(
                        meaning, ERROR, *[MANY] * (status in (400, 429, 503))
                    )
                    for status, meaning in ERRORS.items()
                },
            },
        }
    },
    "/pixel.gif": {
        "get": {
            "operationId": "countByPixel",
            "tags": ["views"],
            "summary": "Count a view of a page without scripts",
            "description": "`X-Page-Tracker` says why a view did not count.",
            "security": [{}],
            "parameters": [
                _in_query("site", True),
                _in_query("page", True),
                _in_query("referrer"),
                _in_query("title"),
                _in_query("id"),
            ],
            "responses": {
                "200": {
                    "description": "A transparent image, whether it counted or not",
                    "content": {"image/gif": {"schema": TEXT}},
                }
            },
        }
    },
    "/badge/{site}.svg": {
        "get": {
            "operationId": "showBadge",
            "tags": ["views"],
            "summary": "Show the views of a site as an image",
            "security": [{}],
            "parameters": [
                {"name": "site", "in": "path", "required": True, "schema": TEXT},
                *(
                    {"name": name, "in": "query", "schema": schema}
                    for name, schema in OPTIONS_OF_BADGES.items()
                ),
            ],
            "responses": {
                "200": {
                    "description": "A badge; without a number it says why",
                    "content": {"image/svg+xml": {"schema": TEXT}},
                }
            },
        }
    },
}
