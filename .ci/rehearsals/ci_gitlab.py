"""Rehearse GitLab's pipeline on this machine: `make ci-gitlab`.

gitlab-ci-local runs every job of a clean clone in a container, as for a push to the
default branch. The project's registry is a real one on loopback; the engine is this
machine's, by its socket, in place of one beside each job. What is deployed goes to a
server at home, and is taken back.

The address of the registry, its user and the password come from `with-registry`.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import requests
import yaml
from rehearsal import (
    ROOT,
    Stage,
    clean_checkout,
    clean_up_when_terminated,
    reason_in,
    run,
    run_live,
    status_of_target,
    summarize,
)
from server import BEFORE, Server, server

PIPELINE = ".gitlab-ci.yml"
PROJECT = "rehearsal/page-tracker"
HELPER = "page-tracker-gitlab:local"
SOCKET = "/run/docker.sock"
SECONDS = 60 * 45
MANUAL = ("deploy", "rollback")
MANIFESTS = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
    )
)

# What gitlab-ci-local prints of a job: what it does with it, and what the job says.
LINE = re.compile(r"^(\S+) +(starting|finished in|>) ?(.*)$")
END = re.compile(r"([\d.]+) (\w+)(?: +FAIL (\d+))?")
UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}


def prepare(checkout: Path, target: Server) -> Path:
    """Make a clone the project's default branch, and return its variables' file."""
    run("git", "checkout", "--quiet", "-B", "main", folder=checkout)
    run("git", "update-ref", "refs/remotes/origin/main", "HEAD", folder=checkout)
    run("git", "remote", "set-head", "origin", "main", folder=checkout)
    url = f"https://gitlab.com/{PROJECT}.git"
    run("git", "remote", "set-url", "origin", url, folder=checkout)
    variables = {
        "CI_REGISTRY": os.environ["REGISTRY"],
        "CI_REGISTRY_USER": os.environ["REGISTRY_USER"],
        "CI_REGISTRY_PASSWORD": os.environ["REGISTRY_PASSWORD"],
        "DOCKER_ENGINE": "",
        "DOCKER_HOST": f"unix://{SOCKET}",
        "DOCKER_TLS_VERIFY": "",
        "DEPLOY_KEY": target.key.read_text(encoding="utf-8"),
    }
    file = checkout.parent / "variables.yml"
    file.touch(mode=0o600)
    file.write_text(
        json.dumps(variables | target.target | target.settings), encoding="utf-8"
    )
    return file


def run_pipeline(
    checkout: Path, variables: Path, label: str, *jobs: str
) -> tuple[int, str]:
    """Run the jobs that nobody has to start, or those that are named.

    Returns the status and all that was printed.
    """
    socket = os.environ["DOCKER_HOST"].removeprefix("unix://")
    # Nothing that the developer has set for gitlab-ci-local takes part.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GCL_")
    }
    environment |= {
        "LABEL": label,
        "NO_COLOR": "1",
        "PATH": f"{ROOT / '.ci/rehearsals/gitlab'}:{os.environ['PATH']}",
    }
    return run_live(
        [
            ROOT / "web/node_modules/.bin/gitlab-ci-local",
            "--concurrency=1",
            "--container-executable=labelled-docker",
            f"--helper-image={HELPER}",
            f"--home={checkout.parent}",
            "--ignore-predefined-vars=CI_REGISTRY",
            "--no-artifacts-to-source",
            f"--variables-file={variables}",
            f"--volume={socket}:{SOCKET}",
            *jobs,
        ],
        checkout,
        environment,
        SECONDS,
    )


def stages_of(names: list[str], output: str) -> list[Stage]:
    """Read from what was printed how each job went."""
    stages = {name: Stage(name) for name in names}
    said: dict[str, list[str]] = {name: [] for name in names}
    for line in output.splitlines():
        found = LINE.match(line)
        if not found or found[1] not in stages:
            continue
        name, event, rest = found.groups()
        stage = stages[name]
        if event == ">":
            said[name].append(rest)
        elif event == "starting":
            # Until it is finished: what runs it may be torn down before.
            stage.status, stage.reason = 1, "it was not finished"
        elif end := END.match(rest):
            text = "\n".join(said[name])
            stage.status = status_of_target(int(end[3] or 0), text)
            stage.seconds = float(end[1]) * UNITS[end[2]]
            stage.reason = reason_in(text) if stage.status else ""
    return list(stages.values())


def tested_image(checkout: Path) -> str:
    """Return the image that was tested, by digest."""
    artifacts = checkout / ".gitlab-ci-local/artifacts/build/.gitlab-ci-reports/dotenv"
    text = (artifacts / "reports/image.env").read_text(encoding="utf-8")
    return str(re.findall("^PAGE_TRACKER_IMAGE=(.*)$", text, re.MULTILINE)[0])


def see_published(checkout: Path) -> Stage:
    """See that the registry has the tested image, by the commit's hash and latest."""
    _, _, tested = tested_image(checkout).partition("@")
    for tag in (run("git", "rev-parse", "HEAD", folder=checkout), "latest"):
        answer = requests.head(
            f"http://{os.environ['REGISTRY']}/v2/{PROJECT}/manifests/{tag}",
            auth=(os.environ["REGISTRY_USER"], os.environ["REGISTRY_PASSWORD"]),
            headers={"Accept": MANIFESTS},
            timeout=30,
        )
        if answer.headers.get("Docker-Content-Digest") != tested:
            return Stage("published", 1, reason=f"{tag} is not what was tested")
    return Stage("published", 0, reason=f"by hash and as latest: {tested}")


def remove(listed: list[str], removed: list[str]) -> None:
    """Remove what a list of docker's names, but for what is gone meanwhile."""
    if names := run("docker", *listed).split():
        command = ["docker", *removed, *names]
        subprocess.run(command, check=False, capture_output=True, timeout=120)


def clean_up(label: str) -> None:
    """Remove what this rehearsal made in the engine."""
    labelled = f"--filter=label={label}"
    remove(["ps", "--all", "--quiet", labelled], ["rm", "--force", "--volumes"])
    remove(["network", "ls", "--quiet", labelled], ["network", "rm"])
    remove(["volume", "ls", "--quiet", labelled], ["volume", "rm"])
    repository = f"{os.environ['REGISTRY']}/{PROJECT}"
    for name in ("{{.Repository}}:{{.Tag}}", "{{.Repository}}@{{.Digest}}"):
        remove(
            ["image", "ls", "--digests", "--format", name, repository], ["image", "rm"]
        )


def run_automatic(checkout: Path, variables: Path, label: str) -> list[Stage]:
    """Run what a push starts by itself, and see that it published the image."""
    pipeline = yaml.safe_load((checkout / PIPELINE).read_text(encoding="utf-8"))
    names = [
        name
        for name, job in pipeline.items()
        if "script" in job and not name.startswith(".") and name not in MANUAL
    ]
    status, output = run_pipeline(checkout, variables, label)
    stages = stages_of(names, output)
    if not has_failed(stages):
        is_unexplained = status and not any(stage.status for stage in stages)
        if is_unexplained or status not in (0, 1):
            stages.append(Stage("the run", status, reason=reason_in(output)))
        elif all(stage.status is not None for stage in stages):
            stages.append(see_published(checkout))
        else:
            stages.append(Stage("published", 1, reason="not every job was run"))
    return stages


def has_failed(stages: list[Stage]) -> bool:
    """Say whether one of the stages failed."""
    return any(stage.word == "FAILED" for stage in stages)


def run_manual(
    checkout: Path, variables: Path, label: str, target: Server
) -> list[Stage]:
    """Approve of the deployment and take it back, in place of a person."""
    target.approve(tested_image(checkout))
    commit = run("git", "rev-parse", "HEAD", folder=checkout)
    stages: list[Stage] = []
    for job, seen, then in zip(MANUAL, ("deployed", "rolled back"), (commit, BEFORE)):
        _, output = run_pipeline(checkout, variables, label, job)
        stages += stages_of([job], output)
        if has_failed(stages):
            return [*stages, target.see("as before", BEFORE)]
        stages.append(target.see(seen, then))
    return stages


def rehearse(label: str) -> int:
    """Run the pipeline of a clean clone, print one summary, and return the status."""
    with clean_checkout() as checkout, server() as target:
        run("docker", "build", "--quiet", f"--tag={HELPER}", ".ci/rehearsals/gitlab")
        variables = prepare(checkout, target)
        stages = run_automatic(checkout, variables, label)
        if has_failed(stages):
            stages += [Stage(job, reason="since another job failed") for job in MANUAL]
        else:
            stages += run_manual(checkout, variables, label, target)
        return summarize("The pipeline of GitLab", stages)


def main() -> int:
    """Rehearse, and clean up whatever happens. Return the status."""
    clean_up_when_terminated()
    label = f"page-tracker-rehearsal={os.getpid()}"
    try:
        return rehearse(label)
    except KeyboardInterrupt:
        print("The rehearsal was interrupted.")
        return 130
    finally:
        clean_up(label)


if __name__ == "__main__":
    sys.exit(main())
