"""Strategies for hypothesis: arbitrary views, headers and parameters."""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from support import BROWSER, TOKEN

SCRIPT = "<script>alert(1)</script>"
INJECTION = "a\r\nX-Injected: yes\r\n\r\n<script>"

thoroughly = settings(
    max_examples=int(os.environ.get("ODD_REQUESTS", "120")),
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

for_each_client = settings(
    thoroughly, max_examples=int(os.environ.get("ODD_REQUESTS", "40"))
)

words = st.text(max_size=40) | st.sampled_from(
    [
        "",
        "example.org",
        "/a",
        SCRIPT,
        INJECTION,
        "\x00",
        "\ud800",
        "=",
        "%ff",
        "…" * 999,
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | words
    | st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "::1"])
    | st.sampled_from(["9999-12-31T23:59:59-23:59", "1e999", 1e308, -1e308, 2**63])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from(
    "site page referrer title event id age privacy own time address user_agent".split()
)
views = st.builds(
    lambda base, more: base | more,
    st.sampled_from(
        [{}, {"site": "example.org"}, {"site": "example.org", "page": "/a"}]
    ),
    st.dictionaries(field_names | words, scalars | anything, max_size=5),
)
header_texts = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"),
    max_size=60,
)
headers = st.dictionaries(
    st.sampled_from(
        "Authorization Accept Accept-Language Content-Encoding DNT Purpose Origin "
        "Referer Sec-GPC User-Agent X-Forwarded-For X-Request-ID If-None-Match "
        "If-Modified-Since Range".split()
    ),
    header_texts
    | st.sampled_from([f"Bearer {TOKEN}", "Bearer", "Basic x", BROWSER, "*/*", "1"]),
    max_size=4,
)
content_types = (
    st.sampled_from(
        [
            "application/json",
            "application/json; charset=utf-16",
            "application/x-ndjson",
            "text/plain;charset=UTF-8",
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "",
            ";;;=",
        ]
    )
    | header_texts
)
badge_options = st.lists(
    st.tuples(
        st.sampled_from(
            "style label color labelColor period base abbreviated count title site "
            "page embed".split()
        )
        | words,
        words | st.sampled_from(["no", "badge", "pixel", "1e9", "9" * 5_000, "#fff"]),
    ),
    max_size=5,
)
