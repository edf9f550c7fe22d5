"""The script, as browsers load it."""

from collections.abc import Callable
from gzip import decompress

from flask.testing import FlaskClient


def test_should_compress_the_script_when_the_browser_accepts_gzip(
    http_client: FlaskClient,
) -> None:
    # When
    plain = http_client.get("/tracker.js")
    compressed = http_client.get("/tracker.js", headers={"Accept-Encoding": "gzip, br"})

    # Then
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert decompress(compressed.data) == plain.data
    assert len(compressed.data) <= 2292
    assert plain.headers["ETag"] != compressed.headers["ETag"]
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_should_let_browsers_cache_the_script_when_it_is_unchanged(
    http_client: FlaskClient,
) -> None:
    # Given
    first = http_client.get("/tracker.js")

    # When
    again = http_client.get(
        "/tracker.js", headers={"If-None-Match": first.headers["ETag"]}
    )
    pinned = http_client.get("/tracker.js?v=1")
    unknown = http_client.get("/tracker.js?v=999")

    # Then
    assert first.mimetype == "text/javascript"
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert first.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert again.status_code == 304
    assert pinned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert unknown.status_code == 404


def test_should_answer_under_other_names_when_the_owner_chose_them(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    client = make_http_client(script="hello.js", endpoint="stats/hello")

    # When
    script = client.get("/hello.js")
    counted = client.post("/stats/hello", json={"site": "example.org", "page": "/"})

    # Then
    assert script.data == client.get("/tracker.js").data
    assert counted.json and counted.json["counted"]
