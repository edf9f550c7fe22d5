"""Try a whole release at home, for real and without any account: `make release-drill`.

In a clean clone: a version and a tag of the drill's own, every file and the image,
pushed to a real registry on loopback, signed with a key of the drill's own, verified.
Then what was tampered with has to be refused, and for the reason that it was tampered
with: what is verified all the same, or refused for another reason, fails the drill.
"""

import os
import re
import secrets
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

from images import Image, in_registry
from rehearsal import (
    Stage,
    clean_checkout,
    clean_up_when_terminated,
    reason_in,
    run_live,
    summarize,
)

VERSION = "99.0.0"
TAG = f"v{VERSION}"
OTHER_ARCHITECTURE = "s390x"
FORGED_SUMS = "cosign verify-blob: .*invalid signature"
UNSIGNED = "cosign verify: .*no signatures found"
SECONDS = 30 * 60  # the most that all of it may take


class DrillFailedError(Exception):
    """A step went otherwise than it has to, so that the next ones have no sense."""


@dataclass
class Drill:
    """A release being tried: where, with which names, and how it went so far."""

    checkout: Path
    image: str
    repository: str
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    stages: list[Stage] = field(default_factory=list)

    @property
    def dist(self) -> Path:
        """Return the folder of the release's files."""
        return self.checkout / "dist"

    @property
    def written(self) -> str:
        """Return the repository in the letters of its owner, as GitHub writes it."""
        return self.repository.replace("/drill/", "/Drill/")

    @property
    def keys(self) -> Path:
        """Return the folder of the drill's own keys, which goes with the clone."""
        return self.checkout.parent / "keys"

    def run(self, *command: str | Path, **environment: str | Path) -> tuple[int, str]:
        """Run a command in the clone, and return status and output."""
        given = {name: str(value) for name, value in environment.items()}
        left = max(1, self.deadline - time.monotonic())
        return run_live(command, self.checkout, os.environ | given, left)

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
            *(".ci/releases/cosign", "generate-key-pair"),
            *("--output-key-prefix", self.keys / name),
            COSIGN_KEY=self.keys / f"{name}.key",
        )
        return f"{name}.key and {name}.pub"

    def push_altered(self, tag: str) -> str:
        """Push an image that is the released one and something else, and its name."""
        name = f"{self.repository}:{tag}"
        (self.keys / "Dockerfile").write_text(f"FROM {self.image}\nENV ALTERED={tag}\n")
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
    missing = [line for line in listed if line not in installed]
    if missing:
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
    """Push the image that was built, as one of its architecture."""
    drill.make(
        "publish",
        PAGE_TRACKER_IMAGE=drill.image,
        REPOSITORIES=drill.written,
        TAGS="staged-here",
    )
    return in_registry(f"{drill.repository}:staged-here").digest


def join(drill: Drill, images: str, tags: str) -> Image:
    """Join images as tags, and return what the registry has then."""
    drill.make("release-images", IMAGES=images, REPOSITORIES=drill.written, TAGS=tags)
    joined = {in_registry(f"{drill.repository}:{tag}") for tag in tags.split()}
    if len(joined) != 1:
        raise DrillFailedError(f"{tags} are not the same image")
    return joined.pop()


def join_architectures(drill: Drill) -> str:
    """Join two architectures: an image without a program, which needs no machine."""
    other = f"{drill.repository}:staged-other"
    (drill.keys / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    platform = ("--platform", f"linux/{OTHER_ARCHITECTURE}")
    drill.must("docker", "build", "--quiet", *platform, "--tag", other, drill.keys)
    drill.must("docker", "push", "--quiet", other)
    joined = join(drill, f"{drill.repository}:staged-here {other}", "staged-both")
    here = in_registry(f"{drill.repository}:staged-here").digest
    if set(joined.platforms) != {here, in_registry(other).digest}:
        raise DrillFailedError(f"{joined.name} is made of {joined.platforms}")
    return f"{joined.digest}: {len(joined.platforms)} architectures"


def give_image_its_version(drill: Drill) -> str:
    """See that what was signed and verified is what the version's tag names."""
    signed = in_registry(f"{drill.repository}:staged")
    named = join(drill, f"{drill.written}:staged", f"{VERSION} latest")
    if named != signed:
        raise DrillFailedError(f"{named.name} is not what was signed, {signed.name}")
    return f"{VERSION} is {named.digest}"


def describe(drill: Drill) -> str:
    """Write the SBOMs of the wheel and of the image."""
    of_wheel = drill.make("sbom", PAGE_TRACKER_IMAGE="")
    of_image = drill.make("sbom", PAGE_TRACKER_IMAGE=f"{drill.written}:staged-here")
    return f"{reason_in(of_wheel)}; {reason_in(of_image)}"


def sign(drill: Drill) -> str:
    """Sign the files and the image."""
    image = f"{drill.written}:staged"
    key = drill.keys / "release.key"
    output = drill.make("sign", PAGE_TRACKER_IMAGE=image, COSIGN_KEY=key)
    return "; ".join(re.findall(r"^(?:Signed|Attached) [^:@]*", output, re.MULTILINE))


def verify(drill: Drill, tag: str) -> str:
    """See that the release verifies, as nothing is wrong with it."""
    image = f"{drill.written}:{tag}"
    key = drill.keys / "release.pub"
    output = drill.make("verify", PAGE_TRACKER_IMAGE=image, COSIGN_PUBLIC_KEY=key)
    return reason_in(output)


def release(drill: Drill) -> None:
    """Do all that a release does, in the order in which the workflow does it."""
    drill.step("a version of its own", lambda: give_version(drill))
    drill.step("release-check", lambda: reason_in(drill.make("release-check", TAG=TAG)))
    drill.refused(
        "a tag of another version", f"tag it {TAG}", "release-check", TAG="v99.0.1"
    )
    drill.step("package, twice", lambda: package_twice(drill))
    drill.step("binary", lambda: build_binary(drill))
    drill.step("image", lambda: build_image(drill))
    drill.step("log in", lambda: log_in(drill))
    drill.step("push", lambda: push(drill))
    drill.step("sbom", lambda: describe(drill))
    drill.step("a key of its own", lambda: drill.make_key("release"))
    drill.step("two architectures", lambda: join_architectures(drill))
    drill.step(
        "the one there is",
        lambda: join(drill, f"{drill.written}:staged-here", "staged").digest,
    )
    staged = f"{drill.repository}:staged"
    drill.refused("what nobody signed", "has no SHA256SUMS", PAGE_TRACKER_IMAGE=staged)
    drill.step("sign", lambda: sign(drill))
    drill.step("verify", lambda: verify(drill, "staged"))
    drill.step("release-notes", lambda: reason_in(drill.make("release-notes", TAG=TAG)))
    drill.step("its version", lambda: give_image_its_version(drill))
    drill.step("verify by version", lambda: verify(drill, VERSION))


def tamper(drill: Drill) -> None:
    """Tamper with the files, the key and the image, and see each refused."""
    (wheel,) = drill.dist.glob("*.whl")
    (bom,) = drill.dist.glob("*-image-*.cdx.json")
    with drill.altered(wheel):
        drill.refused("an altered wheel", "whl is not the file that was signed")
    with drill.altered(wheel, sums=True):
        drill.refused("an altered wheel and its sum", FORGED_SUMS)
    with drill.altered(bom):
        drill.refused("an altered SBOM", "json is not the file that was signed")
    stranger = drill.dist / "page-tracker-linux-riscv64"
    stranger.write_bytes(b"")
    drill.refused("a file that nobody signed", "riscv64 was not signed")
    stranger.unlink()

    drill.step("another's key", lambda: drill.make_key("other"))
    drill.refused(
        "another's key",
        FORGED_SUMS,
        COSIGN_PUBLIC_KEY=str(drill.keys / "other.pub"),
    )
    tamper_with_image(drill)
    drill.step("verify, all put back", lambda: verify(drill, VERSION))


def tamper_with_image(drill: Drill) -> None:
    """Tamper with the image in the registry, and put it back."""
    released = in_registry(f"{drill.repository}:{VERSION}")
    unsigned = drill.push_altered("unsigned")
    drill.refused("an unsigned image", UNSIGNED, PAGE_TRACKER_IMAGE=unsigned)

    altered = in_registry(drill.push_altered(VERSION))
    drill.refused("an altered image under its tag", UNSIGNED)
    # cosign keeps signatures under tags that are made of digests.
    old, new = (
        digest.replace(":", "-") for digest in (released.digest, altered.digest)
    )
    drill.copy(f"{drill.repository}:{old}.sig", f"{new}.sig")
    drill.refused("the same with its signature", "cosign verify: .*digest")

    forged = drill.push_altered("forged")
    drill.must(
        *(".ci/releases/cosign", "sign", "--yes", "--tlog-upload=false"),
        *("--key", drill.keys / "other.key", in_registry(forged).name),
        COSIGN_KEY=drill.keys / "other.key",
    )
    drill.refused(
        "an image that another's key signed",
        "cosign verify: .*invalid signature",
        PAGE_TRACKER_IMAGE=forged,
    )
    drill.copy(released.name, VERSION)


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
    clean_up_when_terminated()
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
