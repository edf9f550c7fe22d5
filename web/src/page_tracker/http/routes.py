"""The routes of ways in: the edge answers them, and Flask knows of them.

Flask answers other methods of their paths, redirects from other spellings, and lists
all routes.
"""

from typing import NoReturn
from urllib.parse import quote

from flask import Flask, abort, request
from werkzeug.routing import BaseConverter

from page_tracker.http.edge import Edge, WayIn
from page_tracker.http.incoming import ORIGINAL, ROUTE


class Rest(BaseConverter):
    """The rest of a path in a route, with each of its slashes."""

    regex = "(?s:.*)"
    part_isolating = False

    def to_url(self, value: str) -> str:
        """Return a rest with everything quoted but slashes."""
        return quote(value, safe="/")


class Routes:
    """Adds routes to an edge, and to the Flask application behind it."""

    def __init__(self, app: Flask, edge: Edge) -> None:
        self._app = app
        self._edge = edge
        app.url_map.converters["rest"] = Rest

        @app.before_request
        def name_route() -> None:
            request.environ[ORIGINAL][ROUTE] = request.endpoint or "none"

    def add(self, path: str, name: str, way_in: WayIn, *methods: str) -> None:
        """Let a way in answer under a path; a `<rest:target>` at its end is any rest.

        `name` is that of the route in Flask, in metrics and in the log; Flask calls a
        second path of the same name `chosen …`. A way in that takes GET takes HEAD too.
        """
        start = path.partition("<")[0]
        also = ("HEAD",) if "GET" in methods else ()
        self._edge.add(start, (name, way_in), (*methods, *also), is_open=start != path)

        def never(**_rest: str) -> NoReturn:  # the edge is before it
            abort(404)

        never.__module__ = way_in.__module__  # the owner of the route
        endpoint = f"chosen {name}" if name in self._app.view_functions else name
        self._app.add_url_rule(path, endpoint, never, methods=methods)
