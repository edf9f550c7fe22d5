"""Loads that wrk puts on a server, and its results."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from support import BROWSER

MILLISECONDS = {"us": 0.001, "ms": 1, "s": 1_000, "m": 60_000}

SCRIPT = """
local requests, place = {}, 0
function init()
  for number, one in ipairs(LISTED) do
    local headers = {["User-Agent"] = BROWSER, ["X-Forwarded-For"] = one.address}
    headers["Content-Type"] = one.body and "text/plain"
    headers["Authorization"] = one.token and "Bearer " .. one.token
    for name, value in pairs(one.headers or {}) do headers[name] = value end
    local method = one.method or one.body and "POST"
    requests[number] = wrk.format(method, one.path, headers, one.body)
  end
  place = math.random(#requests)
end
function request()
  place = place % #requests + 1
  return requests[place]
end
"""


@dataclass(frozen=True)
class Request:
    """A request of a browser, or of a program with a token: a POST if it has a body."""

    path: str
    body: str = ""
    address: str = ""
    token: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = ""


@dataclass(frozen=True)
class Run:
    """The result of a load: requests, requests a second, and milliseconds."""

    requests: int
    rate: float
    p50: float
    p99: float


class WrkError(Exception):
    """Some answers were errors, or none came."""


def wrk(
    url: str, requests: list[Request], folder: Path, seconds: int, connections: int
) -> Run:
    """Send requests, one after the other on each connection, for some seconds.

    Raises WrkError.
    """
    script = folder / "requests.lua"
    script.write_text(lua(requests), encoding="utf-8")
    threads = min(2, connections)
    output = subprocess.run(
        ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency"]
        + ["--timeout", "5s", "-s", script, url],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 30,
    ).stdout
    if errors := re.search(r"Non-2xx.*|Socket errors.*", output):
        raise WrkError(errors[0])
    return Run(
        requests=int(_found(r"(\d+) requests in", output)),
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", output)),
        p50=_milliseconds(_found(r"\s50%\s+(\S+)", output)),
        p99=_milliseconds(_found(r"\s99%\s+(\S+)", output)),
    )


def lua(requests: list[Request]) -> str:
    """Return the script with which wrk sends these requests."""

    def table(request: Request) -> str:
        fields = vars(request).items()
        given = [f"{name} = {_in_lua(value)}" for name, value in fields if value]
        return "{" + ", ".join(given) + "}"

    listed = "{" + ",\n".join(table(request) for request in requests) + "}"
    return SCRIPT.replace("BROWSER", json.dumps(BROWSER)).replace("LISTED", listed)


def _in_lua(value: str | Mapping[str, str]) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    pairs = (f"[{json.dumps(name)}] = {json.dumps(of)}" for name, of in value.items())
    return "{" + ", ".join(pairs) + "}"


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if not match:
        raise WrkError(f"{pattern} is not in {text}")
    return match[1]


def _milliseconds(text: str) -> float:
    """Read a time as wrk writes it: 850.00us, 9.20ms or 1.10s."""
    return float(_found(r"([\d.]+)", text)) * MILLISECONDS[_found("([a-z]+)", text)]
