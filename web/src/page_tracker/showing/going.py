"""Ways on to another page of ours, after a form or in place of a page."""

from flask import Response, request


def see_other(address: str) -> Response:
    """Send a browser on to an address, below the path that a proxy serves."""
    return Response(status=303, headers={"Location": address})


def go_to(path: str) -> Response:
    """Send a browser on to a path that begins with a slash."""
    return see_other(f"{request.script_root}{path}")


def local_address(wanted: str) -> str:
    """Return an address of ours as it is, and for any other that of the dashboard."""
    root = f"{request.script_root}/"
    # Browsers read `//host`, and `/\host` too, as another host.
    is_local = wanted.startswith(root) and wanted[1:2] not in ("/", "\\")
    if is_local and wanted.isascii() and wanted.isprintable():
        return wanted
    return f"{root}dashboard"
