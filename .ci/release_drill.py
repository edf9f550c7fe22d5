"""Try a whole release at home, for real and without any account: `make release-drill`.

In a clean clone: a version and a tag of the drill's own, every file and the image built,
pushed to a real registry on loopback, signed with a key of the drill's own, and verified.
Then what was tampered with, which must be refused for the reason that it was tampered
with: what is verified all the same, or refused for another reason, fails the drill.
"""

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

from images import in_registry
from rehearsal import Stage, clean_checkout, reason_in, run_live, summarize

VERSION = "99.0.0"
TAG = f"v{VERSION}"
SECONDS = 900  # the most that one step may take


class DrillFailedError(Exception):
    """A step went otherwise than it has to, so that the next ones have no sense."""


@dataclass
class Drill:
    """A release being tried: where, with which names, and how it went so far."""

    checkout: Path
    image: str
    repository: str
    stages: list[Stage] = field(default_factory=list)

    @property
    def dist(self) -> Path:
        """Return the folder of the release's files."""
        return self.checkout / "dist"

    @property
    def keys(self) -> Path:
        """Return the folder of the drill's own keys, which goes with the clone."""
        return self.checkout.parent / "keys"

    def run(self, *command: str | Path, **environment: str | Path) -> tuple[int, str]:
        """Run a command in the clone, and return status and output."""
        given = {name: str(value) for name, value in environment.items()}
        return run_live(command, self.checkout, os.environ | given, SECONDS)

    def must(self, *command: str | Path, **environment: str | Path) -> str:
        """Run a command that has to succeed, and return its output."""
        status, output = self.run(*command, **environment)
        if status:
            raise DrillFailedError(reason_in(output))
        return output

    def make(self, target: str, **environment: str | Path) -> str:
        """Make a target that has to succeed, and return its output."""
        return self.must("make", "--no-print-directory", target, **environment)

    def step(self, name: str, task: Callable[[], str]) -> None:
        """Do a step, and note how it went and what was seen."""
        print(f"\n-- {name}", flush=True)
        stage = Stage(name, 1)
        self.stages.append(stage)
        began = time.monotonic()
        try:
            stage.reason = task()
            stage.status = 0
        except DrillFailedError as failure:
            stage.reason = str(failure)
            raise
        finally:
            stage.seconds = time.monotonic() - began

    def refused(self, name: str, why: str, target: str = "verify", **env: str) -> None:
        """See that a target refuses what was tampered with, for the reason given."""

        def task() -> str:
            verifying = {
                "PAGE_TRACKER_IMAGE": f"{self.repository}:{VERSION}",
                "COSIGN_PUBLIC_KEY": str(self.keys / "release.pub"),
            }
            status, output = self.run(
                "make", "--no-print-directory", target, **(verifying | env)
            )
            reason = reason_in(output)
            if not status:
                raise DrillFailedError(f"NOT REFUSED: {reason}")
            if not re.search(why, output):
                raise DrillFailedError(f"refused, but not because of this: {reason}")
            return reason

        self.step(f"refused: {name}", task)

    def make_key(self, name: str) -> str:
        """Make a pair of keys."""
        self.keys.mkdir(exist_ok=True)
        self.must(
            *(".ci/cosign", "generate-key-pair"),
            *("--output-key-prefix", self.keys / name),
            COSIGN_KEY=self.keys / f"{name}.key",
        )
        return f"{name}.key and {name}.pub"

    def push_altered(self, tag: str) -> str:
        """Push an image that is the released one and something else, and its name."""
        name = f"{self.repository}:{tag}"
        (self.keys / "Dockerfile").write_text(f"FROM {self.image}\nENV ALTERED=yes\n")
        self.must("docker", "build", "--quiet", "--tag", name, self.keys)
        self.must("docker", "push", "--quiet", name)
        return name

    def copy(self, source: str, tag: str) -> None:
        """Give what the registry has another tag, as it is."""
        self.must(
            *("docker", "buildx", "imagetools", "create", "--prefer-index=false"),
            *("--tag", f"{self.repository}:{tag}", source),
        )

    @contextmanager
    def altered(self, path: Path, *, sums: bool = False) -> Iterator[None]:
        """Alter a file of the release for a while, and its line in SHA256SUMS too."""
        files = {path: path.read_bytes()}
        path.write_bytes(files[path][:-2] + b"\0" + files[path][-2:])
        if sums:
            listed = self.dist / "SHA256SUMS"
            files[listed] = listed.read_bytes()
            old, new = (
                sha256(content).hexdigest().encode()
                for content in (files[path], path.read_bytes())
            )
            listed.write_bytes(files[listed].replace(old, new))
        try:
            yield
        finally:
            for changed, content in files.items():
                changed.write_bytes(content)


def give_version(drill: Drill) -> str:
    """Commit a version of the drill's own to the clone's main, and tag it."""
    today = datetime.now(UTC).date().isoformat()
    project = drill.checkout / "web/pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(
        re.sub(r'^version = ".*"', f'version = "{VERSION}"', text, flags=re.MULTILINE),
        encoding="utf-8",
    )
    changelog = drill.checkout / "CHANGELOG.md"
    head, newest, rest = changelog.read_text(encoding="utf-8").partition("\n## ")
    section = f"\n## {VERSION} ({today})\n\n- A release was tried.\n"
    changelog.write_text(head + section + newest + rest, encoding="utf-8")
    author = ("-c", "user.name=Drill", "-c", "user.email=drill@localhost")
    drill.must("git", "checkout", "--quiet", "-B", "main")
    drill.must("git", *author, "commit", "--quiet", "--all", "--message", "Try it")
    drill.must("git", *author, "tag", "--annotate", "--message", "Try it", TAG)
    return TAG


def package_twice(drill: Drill) -> str:
    """Build wheel and sdist twice, and see that they are the same."""

    def hashes() -> dict[str, str]:
        drill.make("package")
        return {
            path.name: sha256(path.read_bytes()).hexdigest()
            for path in sorted(drill.dist.glob("page_tracker-*"))
        }

    first, second = hashes(), hashes()
    if first != second or len(first) != 2:
        raise DrillFailedError(f"two builds differ: {first} and {second}")
    return ", ".join(f"{name} {hashed[:12]}" for name, hashed in first.items())


def build_binary(drill: Drill) -> str:
    """Build the executable."""
    drill.make("binary")
    (binary,) = drill.dist.glob("page-tracker-linux-*")
    return f"{binary.name} {sha256(binary.read_bytes()).hexdigest()[:12]}"


def build_image(drill: Drill) -> str:
    """Build the image, and see that it has the version and the wheel of the release."""
    drill.make(
        "image",
        PAGE_TRACKER_IMAGE=drill.image,
        PAGE_TRACKER_TEST_IMAGE=f"{drill.image}-test",
    )
    label = '{{index .Config.Labels "org.opencontainers.image.version"}}'
    said = drill.must("docker", "image", "inspect", "--format", label, drill.image)
    if said.strip() != VERSION:
        raise DrillFailedError(f"its label says version {said.strip()}")
    (wheel,) = drill.dist.glob("*.whl")
    record = f"page_tracker-{VERSION}.dist-info/RECORD"
    with ZipFile(wheel) as archive:
        listed = archive.read(record).decode().splitlines()
    find = f"cat /opt/page-tracker/lib/python3*/site-packages/{record}"
    run = ("docker", "run", "--rm", "--network", "none", "--entrypoint", "sh")
    installed = set(drill.must(*run, drill.image, "-c", find).splitlines())
    missing = [line for line in listed if line not in installed and ".." not in line]
    if missing != [f"{record},,"] and missing:
        raise DrillFailedError(f"its files are not the wheel's: {missing[0]}")
    return f"version {VERSION}, {len(listed)} files as in {wheel.name}"


def log_in(drill: Drill) -> str:
    """Log in to the drill's registry, with logins that go with it."""
    subprocess.run(
        ["docker", "login", "--username", os.environ["REGISTRY_USER"]]
        + ["--password-stdin", os.environ["REGISTRY"]],
        input=os.environ["REGISTRY_PASSWORD"],
        text=True,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return drill.repository


def push(drill: Drill) -> str:
    """Push the image, and join what there is of architectures under the version."""
    staged = f"{drill.repository}:staged"
    drill.make(
        "publish",
        PAGE_TRACKER_IMAGE=drill.image,
        REPOSITORIES=drill.repository,
        TAGS="staged",
    )
    drill.make("release-images", IMAGES=staged, REPOSITORIES=drill.repository)
    joined = in_registry(f"{drill.repository}:{VERSION}")
    if in_registry(f"{drill.repository}:latest") != joined:
        raise DrillFailedError("latest is not the version")
    return joined.digest


def describe(drill: Drill) -> str:
    """Write the SBOMs of the wheel and of the image."""
    of_wheel = drill.make("sbom", PAGE_TRACKER_IMAGE="")
    of_image = drill.make("sbom", PAGE_TRACKER_IMAGE=f"{drill.repository}:staged")
    return f"{reason_in(of_wheel)}; {reason_in(of_image)}"


def release(drill: Drill) -> None:
    """Do all that a release does."""
    drill.step("a version of its own", lambda: give_version(drill))
    drill.step("release-check", lambda: reason_in(drill.make("release-check", TAG=TAG)))
    drill.refused(
        "a tag of another version", "tag it v99", "release-check", TAG="v9.0.1"
    )
    drill.step("release-notes", lambda: reason_in(drill.make("release-notes", TAG=TAG)))
    drill.step("package, twice", lambda: package_twice(drill))
    makefile = (drill.checkout / "Makefile").read_text(encoding="utf-8")
    if re.search(r"^binary:", makefile, re.MULTILINE):
        drill.step("binary", lambda: build_binary(drill))
    else:
        drill.stages.append(Stage("binary", reason="there is no make binary"))
    drill.step("image", lambda: build_image(drill))
    drill.step("log in", lambda: log_in(drill))
    drill.step("push and join", lambda: push(drill))
    drill.step("sbom", lambda: describe(drill))
    drill.step("a key of its own", lambda: drill.make_key("release"))
    image = f"{drill.repository}:{VERSION}"
    drill.refused("what nobody signed", "has no SHA256SUMS")
    drill.step(
        "sign",
        lambda: reason_in(
            drill.make(
                "sign",
                PAGE_TRACKER_IMAGE=image,
                COSIGN_KEY=drill.keys / "release.key",
            )
        ),
    )
    verify(drill, "verify")


def verify(drill: Drill, name: str) -> None:
    """See that the release verifies, as nothing is wrong with it."""
    drill.step(
        name,
        lambda: reason_in(
            drill.make(
                "verify",
                PAGE_TRACKER_IMAGE=f"{drill.repository}:{VERSION}",
                COSIGN_PUBLIC_KEY=drill.keys / "release.pub",
            )
        ),
    )


def tamper(drill: Drill) -> None:
    """Tamper with the release in every way, and see each refused."""
    (wheel,) = drill.dist.glob("*.whl")
    (bom,) = drill.dist.glob("*-image-*.cdx.json")
    with drill.altered(wheel):
        drill.refused("an altered wheel", "whl is not the file that was signed")
    with drill.altered(wheel, sums=True):
        drill.refused("an altered wheel and its sum", "verify-blob: .*signature")
    with drill.altered(bom):
        drill.refused("an altered SBOM", "json is not the file that was signed")
    stranger = drill.dist / "page-tracker-linux-riscv64"
    stranger.write_bytes(b"")
    drill.refused("a file that nobody signed", "riscv64 was not signed")
    stranger.unlink()

    drill.step("another's key", lambda: drill.make_key("other"))
    public = str(drill.keys / "other.pub")
    drill.refused("another's key", "verify-blob: .*signature", COSIGN_PUBLIC_KEY=public)

    good = in_registry(f"{drill.repository}:{VERSION}")
    unsigned = drill.push_altered("unsigned")
    nothing = "cosign verify: .*no signatures found"
    drill.refused("an unsigned image", nothing, PAGE_TRACKER_IMAGE=unsigned)
    drill.push_altered(VERSION)
    drill.refused("an altered image under its tag", nothing)
    altered = in_registry(f"{drill.repository}:{VERSION}")
    signature = "{}.sig".format
    drill.copy(
        f"{drill.repository}:{signature(good.digest.replace(':', '-'))}",
        signature(altered.digest.replace(":", "-")),
    )
    drill.refused("the same with its signature", "cosign verify: .*digest")
    forged = drill.push_altered("forged")
    drill.must(
        *(".ci/cosign", "sign", "--yes", "--tlog-upload=false"),
        *("--key", drill.keys / "other.key", in_registry(forged).name),
        COSIGN_KEY=drill.keys / "other.key",
    )
    drill.refused(
        "an image that another's key signed",
        "cosign verify: .*signature",
        PAGE_TRACKER_IMAGE=forged,
    )
    drill.copy(good.name, VERSION)
    verify(drill, "verify, all put back")


def clean_up(drill: Drill) -> None:
    """Remove every image of the drill's."""
    listed = subprocess.run(
        ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stdout.split()
    own = [
        name
        for name in listed
        if name.startswith((f"{drill.repository}:", drill.image))
    ]
    subprocess.run(
        ["docker", "image", "rm", *own], capture_output=True, check=False, timeout=120
    )


def main() -> int:
    """Try a release, print one summary, and return the status."""
    if not shutil.which("docker"):
        print("The drill takes Docker.")
        return 1
    with clean_checkout() as checkout:
        drill = Drill(
            checkout,
            f"page-tracker:drill-{secrets.token_hex(4)}",
            f"{os.environ['REGISTRY']}/drill/page-tracker",
        )
        os.environ["COSIGN_PASSWORD"] = secrets.token_hex(16)
        try:
            release(drill)
            tamper(drill)
        except DrillFailedError as failure:
            print(f"The drill ends here: {failure}")
        finally:
            clean_up(drill)
    return summarize("A release, tried at home", drill.stages)


if __name__ == "__main__":
    sys.exit(main())
