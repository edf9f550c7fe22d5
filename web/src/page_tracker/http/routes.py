"""The routes of ways in: the edge answers them, and Flask knows of them.

Flask answers other methods of their paths, redirects from other spellings, and lists
all routes.
"""

from collections.abc import Iterable, Sequence
from typing import NoReturn
from urllib.parse import quote

from flask import Flask, abort, request
from werkzeug.routing import BaseConverter

from page_tracker.http.edge import Edge, WayIn, Ways
from page_tracker.http.incoming import ORIGINAL, ROUTE


class Rest(BaseConverter):
    """The rest of a path in a route, with each of its slashes."""

    regex = "(?s:.*)"
    part_isolating = False

    def to_url(self, value: str) -> str:
        """Return a rest with everything quoted but slashes."""
        return quote(value, safe="/")


class Host(BaseConverter):
    """A host in a route: unlike a part of our own paths, it has a dot."""

    regex = r"[^/]*\.[^/]*"


class Routes:
    """Adds routes to an edge, and to the Flask application behind it."""

    def __init__(self, app: Flask, edge: Edge) -> None:
        self._app = app
        self._edge = edge
        app.url_map.converters.update(rest=Rest, host=Host)

        @app.before_request
        def name_route() -> None:
            request.environ[ORIGINAL][ROUTE] = request.endpoint or "none"

    def add(self, path: str, name: str, way_in: WayIn, *methods: str) -> None:
        """Let a way in answer under a path; a `<rest:target>` at its end is any rest.

        `name` is that of the route in Flask, in metrics and in the log; Flask calls a
        second path of the same name `chosen …`. A way in that takes GET takes HEAD too.
        """
        self._add(self._edge.ways, path, name, way_in, methods)
        endpoint = f"chosen {name}" if name in self._app.view_functions else name
        self._tell_flask(path, endpoint, way_in, methods)

    def add_for_clients(
        self, name: str, way_in: WayIn, paths: Iterable[str], *methods: str
    ) -> None:
        """Let a way in answer clients of other counters, under several paths.

        Each path exists below the name of a site too: /example.org/count. Flask knows
        nothing of that one: it would take longer to start.
        """
        for path in paths:
            self._add(self._edge.ways, path, name, way_in, methods)
            self._add(self._edge.ways_of_sites, path, name, way_in, methods)
            self._tell_flask(path, name, way_in, methods)

    def add_below_sites(
        self, path: str, name: str, way_in: WayIn, *methods: str
    ) -> None:
        """Let a way in answer below the name of a site only."""
        self._add(self._edge.ways_of_sites, path, name, way_in, methods)
        self._tell_flask(f"/<host:named>{path}", name, way_in, methods)

    def add_before_page(
        self, path: str, name: str, way_in: WayIn, *methods: str
    ) -> None:
        """Let a way in answer before the page of the same path, which Flask has."""
        self._add(self._edge.ways, path, name, way_in, methods)

    def _add(
        self, ways: Ways, path: str, name: str, way_in: WayIn, methods: Sequence[str]
    ) -> None:
        start = path.partition("<")[0]
        also = ("HEAD",) if "GET" in methods else ()
        ways.add(start, (name, way_in), (*methods, *also), is_open=start != path)

    def _tell_flask(
        self, path: str, endpoint: str, way_in: WayIn, methods: Sequence[str]
    ) -> None:
        def never(**_rest: str) -> NoReturn:  # the edge is before it
            abort(404)

        never.__module__ = way_in.__module__  # the owner of the route
        function = self._app.view_functions.get(endpoint, never)
        self._app.add_url_rule(path, endpoint, function, methods=methods)
