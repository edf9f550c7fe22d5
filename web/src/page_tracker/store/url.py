"""Parses REDIS_URL: one Redis, a Redis Cluster, or a master that Sentinels name."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from redis import ConnectionPool
from redis.exceptions import RedisError

FORMS = (
    "use redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], "
    "redis+cluster://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]…], "
    "redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/MASTER[/DATABASE], "
    "the same with rediss for TLS, or unix:///PATH; "
    "in a password, write %3F for ?, %23 for # and %2F for /"
)

PATHS = {
    "redis": r"/?\d*",
    "rediss": r"/?\d*",
    "unix": ".+",
    "redis+cluster": "/?0?",
    "rediss+cluster": "/?0?",
    "redis+sentinel": r"/[\w.:-]+(/\d*)?",
    "rediss+sentinel": r"/[\w.:-]+(/\d*)?",
}
"""The path after the hosts: a database, a socket, or the name of a master."""

OPTIONS = re.compile(
    "db|username|password|client_name|"
    "ssl_(cert_reqs|ca_certs|ca_path|check_hostname|certfile|keyfile)"
)
"""Options that can follow the `?` of a Redis URL.

A URL overrides the code. With other options the client could wait for long or retry,
which it must not do.
"""

CERTIFICATES = ("required", "optional", "none")
"""Values of `ssl_cert_reqs`."""

FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""The options that name a file."""

FOR_SENTINELS = ("sentinel_username", "sentinel_password")
"""Options with which to log in to Sentinels; the user before the @ is for Redis."""


@dataclass(frozen=True)
class RedisUrl:
    """A Redis URL and its parts."""

    text: str
    parts: SplitResult

    @classmethod
    def read(cls, text: str) -> "RedisUrl":
        """Parse a URL. Raises ValueError, which names the valid forms.

        Blanks around it are dropped, and its scheme may have capitals.
        """
        scheme, slashes, rest = text.strip().partition("://")
        scheme = scheme.lower()
        text = scheme + slashes + rest
        _check_scheme(scheme, slashes)
        hosts = re.split("[/?#]", rest, maxsplit=1)[0]
        # urlsplit rejects several hosts if one of them is an IPv6 address.
        parts = urlsplit(f"{scheme}://{rest[len(hosts) :]}")._replace(netloc=hosts)
        url = cls(text, parts)
        if not re.fullmatch(PATHS[scheme], parts.path):
            raise ValueError(FORMS)
        # This may be part of a password, and no message may show it.
        if "@" in parts.query or parts.fragment:
            raise ValueError(FORMS)
        _check_options(url)
        for one in url.endpoints:
            _check_one(one)
        if url.kind:
            _check_one(url.at("localhost", 6379))
        return url

    @property
    def kind(self) -> str:
        """Return `cluster`, `sentinel`, or an empty text for a single Redis."""
        return self.parts.scheme.partition("+")[2]

    @property
    def hosts(self) -> str:
        """Return hosts and ports, without user and password."""
        return self.parts.netloc.rpartition("@")[2]

    @property
    def address(self) -> str:
        """Return the URL without user and password, for messages."""
        return f"{self.parts.scheme}://{self.hosts}{self.parts.path}"

    @property
    def master(self) -> str:
        """Return the name of the master at the Sentinels."""
        return self.parts.path.split("/")[1]

    @property
    def endpoints(self) -> list[str]:
        """Return a URL for each Redis, cluster node or Sentinel that the URL names."""
        hosts = self.hosts.split(",")
        if self.kind == "cluster":
            return [self._of_redis(host) for host in hosts]
        if self.kind == "sentinel":
            return [self._of_sentinel(host) for host in hosts]
        return [self.text]

    def at(self, host: str, port: int) -> str:
        """Return the URL of a Redis whose address the cluster or a Sentinel gave."""
        return self._of_redis(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    def _of_redis(self, host: str) -> str:
        user, at, _ = self.parts.netloc.rpartition("@")
        database = self.parts.path.rpartition("/")[2] if self._has_database else "0"
        options = {
            name: value
            for name, value in self._options.items()
            if name not in FOR_SENTINELS
        }
        return self._one(f"{user}{at}{host}/{database}", options)

    def _of_sentinel(self, host: str) -> str:
        options = {
            name.removeprefix("sentinel_"): value
            for name, value in self._options.items()
            if name not in ("db", "username", "password")
        }
        return self._one(
            host if re.search(r":\d+$", host) else f"{host}:26379", options
        )

    def _one(self, place: str, options: dict[str, str]) -> str:
        query = f"?{urlencode(options)}" if options else ""
        return f"{self.parts.scheme.partition('+')[0]}://{place}{query}"

    @property
    def _has_database(self) -> bool:
        return self.kind == "sentinel" and self.parts.path.count("/") == 2

    @property
    def _options(self) -> dict[str, str]:
        given = parse_qs(self.parts.query, keep_blank_values=True)
        return {name: values[0] for name, values in given.items()}


def _check_scheme(scheme: str, slashes: str) -> None:
    """Check the scheme. Raises ValueError without a text that may be a password."""
    if scheme in PATHS and slashes:
        return
    if scheme[:1] in ("'", '"'):
        raise ValueError("remove the quotes around it")
    known = re.fullmatch(r"[a-z0-9+.-]+", scheme) and slashes
    raise ValueError(f"it cannot start with {scheme}://; {FORMS}" if known else FORMS)


def _check_options(url: RedisUrl) -> None:
    options = parse_qs(url.parts.query, keep_blank_values=True)
    if "ssl_keyfile" in options and "ssl_certfile" not in options:
        raise ValueError("the option 'ssl_keyfile' requires 'ssl_certfile'")
    for option, values in options.items():
        is_for_sentinels = url.kind == "sentinel" and option in FOR_SENTINELS
        if not OPTIONS.fullmatch(option) and not is_for_sentinels:
            raise ValueError(
                f"the option '{option}' is not allowed; use db, username, password, "
                "client_name, ssl_cert_reqs, ssl_check_hostname, ssl_ca_certs, "
                "ssl_ca_path, ssl_certfile and ssl_keyfile, and for Sentinels "
                "sentinel_username and sentinel_password"
            )
        if option.startswith("ssl_") and not url.parts.scheme.startswith("rediss"):
            raise ValueError(f"the option '{option}' needs TLS: write rediss://")
        if option == "ssl_cert_reqs" and values[0] not in CERTIFICATES:
            raise ValueError(
                f"the option '{option}' must be {' or '.join(CERTIFICATES)}"
            )
        if option in FILES:
            _check_file(option, Path(values[0]))
        if option == "db" and not values[0].isdecimal():
            raise ValueError("the option 'db' must be a number, for example db=0")
        if option == "db" and url.kind == "cluster":
            raise ValueError("a Redis Cluster has no databases: remove the option 'db'")


def _check_file(option: str, path: Path) -> None:
    """Check that a file can be read. Raises ValueError."""
    try:
        path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"the option '{option}': {error.strerror}; "
            "name a readable file of certificates, or of a key"
        ) from error


def _check_one(url: str) -> None:
    """Check the URL of one Redis. Raises ValueError."""
    try:
        parts = urlsplit(url)
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:
        raise ValueError(FORMS) from None
    if parts.scheme != "unix" and not parts.hostname:
        raise ValueError(FORMS)
    try:
        ConnectionPool.from_url(url).make_connection()
    except (TypeError, ValueError, RedisError):
        raise ValueError(
            "its options are invalid; use values that redis-py takes"
        ) from None
