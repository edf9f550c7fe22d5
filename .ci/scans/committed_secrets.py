"""Secrets in what git holds or would commit, by detect-secrets.

A line that marks its value as no secret (`pragma: allowlist secret`, and why) speaks
for that value everywhere, so also for what the line was before it was marked.
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.scan import scan_file
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
from detect_secrets.settings import get_settings
from findings import CouldNotLook, Findings

MARK = "pragma: allowlist"

# What follows the word for a secret, and is the name of a variable that holds one.
NAME_OF_VARIABLE = re.compile(r"`?[A-Z]+(_[A-Z]+)+`?")

# Lines that look like secrets, and can not be marked.
KNOWN = [
    r'^ *"integrity": "sha512-[\w+/]{86}==",?$',  # in package-lock.json
    r"//(app|page-tracker):of-theirs@(redis|one)\.",  # made up, in tests
    # What a test, README and docs/architecture.md once said.
    r'^\w+ = "a-secret-of-the-query"$',
    r"needs two secrets: `DOCKERHUB_USERNAME` and",
    r"known holes and secrets: `make scan`, `make scan-image`",
]


class AccessTokenDetector(RegexBasedDetector):
    """Finds tokens of services that we use and that detect-secrets does not know."""

    secret_type = "Access Token"  # pragma: allowlist secret (a kind of them)
    denylist = [re.compile(r"(?:github|dckr)_pat_\w{20,}")]


def use_settings() -> None:
    """Look with all that there is for all kinds of secrets, in all kinds of files.

    Nothing is verified: that would send it to the service that it might be for, and
    hide what is not valid any more.
    """
    known: Mapping[str, type[BasePlugin]] = get_mapping_from_secret_type_to_class()
    settings = get_settings()
    settings.configure_plugins(
        [{"name": plugin.__name__} for plugin in known.values()]
        + [{"name": AccessTokenDetector.__name__, "path": f"file://{__file__}"}]
    )
    get_mapping_from_secret_type_to_class.cache_clear()
    settings.disable_filters(
        "detect_secrets.filters.heuristic.is_lock_file",
        "detect_secrets.filters.heuristic.is_non_text_file",
        "detect_secrets.filters.heuristic.is_swagger_file",
    )
    settings.filters["detect_secrets.filters.regex.should_exclude_line"] = {
        "pattern": KNOWN
    }


@dataclass
class Version:
    """What a file holds, or held once: then blob is git's name of that."""

    name: str
    content: bytes
    blob: str = ""

    @property
    def text(self) -> str:
        """The content as text, whatever it is: even UTF-16, without its zeros."""
        return self.content.replace(b"\0", b"").decode(errors="replace")

    def place_of(self, secret: PotentialSecret) -> str:
        """Say where in it a secret is, and of which kind, but not which."""
        if self.blob:
            return f"{secret.type} in the history of {self.name}: {self.blob[:12]}"
        return f"{secret.type} in {self.name}, line {secret.line_number}"


def git(root: Path, *arguments: str, given: str = "") -> bytes:
    """Return what git says in a repository."""
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=root,
            input=given.encode(),
            capture_output=True,
            timeout=120,
            check=True,
        ).stdout
    except subprocess.CalledProcessError as error:
        raise CouldNotLook(f"asked git: {error.stderr.decode().strip()}") from error


def files_in(root: Path) -> Iterator[Version]:
    """Give each file that git has or would commit, as it is now."""
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.decode().split("\0")):
        if Path(root, name).is_file():
            yield Version(name, Path(root, name).read_bytes())


def versions_in(root: Path) -> Iterator[Version]:
    """Give each version of each file in the history of HEAD."""
    listed = git(
        root,
        *("rev-list", "--objects", "HEAD"),
        *("--filter=object:type=blob", "--filter-provided-objects"),
    )
    names = dict(line.split(" ", 1) for line in listed.decode().splitlines())
    contents = BytesIO(git(root, "cat-file", "--batch", given="\n".join(names)))
    for blob, name in names.items():
        size = int(contents.readline().split()[2])
        yield Version(name, contents.read(size), blob)
        contents.readline()


def texts_to_look_into(versions: Iterable[Version]) -> Iterator[tuple[Version, str]]:
    """Give of each version in the history only the lines that no other has had."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for version in versions:
        text = version.text
        lines = text.split("\n")
        # YAML stays whole: detect-secrets reads it as such.
        if version.blob and not version.name.endswith((".yml", ".yaml")):
            text = "\n".join(line for line in lines if line not in seen[version.name])
        seen[version.name].update(lines)
        yield version, text


def values_in(line: str) -> Iterator[str]:
    """Give what may be a secret in a line: each word, and each text in quotes.

    Of some tokens, detect-secrets only gives what stands before the first `_`.
    """
    for word in re.split(r"[^\w%+.-]+", line):
        yield word
        yield word.split("_")[0]
    yield from re.split(r"[\"'`]", line)


def secrets_in(root: Path) -> Findings:
    """Return what looks like a secret in a repository's files and their history."""
    files = list(files_in(root))
    history = list(versions_in(root))
    shallow = git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"
    if shallow:
        raise CouldNotLook(
            "this clone is shallow, and lacks older commits: git fetch --unshallow"
        )
    suspects: list[tuple[Version, PotentialSecret]] = []
    marked: set[str] = set()
    use_settings()
    with TemporaryDirectory() as folder:
        for version, text in texts_to_look_into(files + history):
            for line in text.split("\n"):
                if MARK in line:
                    marked.update(values_in(line.split(MARK)[0]))
            # Under its own name: what it ends with says what it is.
            path = Path(folder, Path(version.name).name)
            path.write_text(text, encoding="utf-8")
            suspects += [(version, secret) for secret in scan_file(str(path))]
            path.unlink()
    found: dict[str, str] = {}
    for version, secret in suspects:
        value = str(secret.secret_value)
        is_name = secret.type == "Secret Keyword" and NAME_OF_VARIABLE.fullmatch(value)
        if value not in marked and not is_name:
            found.setdefault(secret.secret_hash, version.place_of(secret))
    return Findings(
        f"{len(files)} files and {len(history)} versions in the history",
        list(found.values()),
    )
