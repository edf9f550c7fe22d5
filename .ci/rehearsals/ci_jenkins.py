"""Rehearse the Jenkinsfile on this machine: `make ci-jenkins`.

jenkins/Build.groovy runs its stages as Jenkins does, on a clean clone and as for a push
to main. The registry is a real one on loopback: `with-registry` says where. What is
deployed goes to a server at home.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rehearsal import (
    ROOT,
    Stage,
    clean_checkout,
    clean_up_when_terminated,
    environment_of_ci,
    reason_in,
    run,
    run_live,
    status_of_target,
    summarize,
)
from server import BEFORE, Server, server

JENKINS = Path(__file__).parent / "jenkins"
REPOSITORY = f"{os.environ['REGISTRY']}/rehearsal/team/page-tracker"
SECONDS = 2 * 60 * 60


def environment_of_agent() -> dict[str, str]:
    """Return what a step finds on an agent for the branch main: not the password."""
    return {
        name: value
        for name, value in environment_of_ci().items()
        if not name.startswith("REGISTRY")
    } | {"BRANCH_NAME": "main"}


def build(clone: Path, commit: str, workspace: Path, target: Server) -> list[Stage]:
    """Run the pipeline of a clone, and say how each stage went."""
    with TemporaryDirectory(prefix="page-tracker-jenkins-") as folder:
        settings = Path(folder) / "build.json"
        stages = Path(folder) / "stages.json"
        names = {
            "jenkinsfile": str(clone / "Jenkinsfile"),
            "workspace": str(workspace),
            "scm": {"url": str(clone), "GIT_COMMIT": commit, "GIT_BRANCH": "main"},
            "cause": "BranchEventCause",
            "parameters": {
                "REGISTRY": os.environ["REGISTRY"],
                "PROJECT": "rehearsal/team",
                "CREDENTIALS_ID": "rehearsal",
                "DEPLOY_CREDENTIALS_ID": "deployment",
                **target.target,
            },
            "credentials": {
                "rehearsal": {
                    "username": os.environ["REGISTRY_USER"],
                    "password": os.environ["REGISTRY_PASSWORD"],
                },
                "deployment": {"keyFile": str(target.key)},
            },
            "approval": target.approval(f"page-tracker:{commit}"),
            "environment": environment_of_agent() | target.settings,
            "stages": str(stages),
        }
        settings.write_text(json.dumps(names), encoding="utf-8")
        status, output = run_live(
            [JENKINS / "groovy", JENKINS / "Build.groovy", settings],
            ROOT,
            os.environ,
            SECONDS,
        )
        if not stages.exists():
            return [Stage("Jenkinsfile", status or 1, reason=reason_in(output))]
        return [
            stage_of(**went) for went in json.loads(stages.read_text(encoding="utf-8"))
        ]


def stage_of(name: str, result: str, seconds: float, why: str, output: str) -> Stage:
    """Say in our words how a stage went."""
    if result == "NOT_BUILT":
        return Stage(name, reason=why)
    if result == "SUCCESS":
        return Stage(name, 0, seconds)
    said = re.sub(r"^\+ .*\n?", "", output, flags=re.MULTILINE)  # of sh -x
    reason = reason_in(said) if said else why
    return Stage(name, status_of_target(1, output), seconds, reason)


def see_published(commit: str, workspace: Path) -> Stage:
    """Pull the image by the commit's hash and as latest: it is the tested one."""
    written = (workspace / "reports/image.env").read_text(encoding="utf-8")
    image = dict(line.split("=", 1) for line in written.splitlines())[
        "PAGE_TRACKER_IMAGE"
    ]
    names = [f"{REPOSITORY}:{tag}" for tag in (commit, "latest")]
    user = os.environ["REGISTRY_USER"]
    run(
        *("docker", "login", "--username", user, "--password-stdin"),
        os.environ["REGISTRY"],
        given=os.environ["REGISTRY_PASSWORD"],
    )
    for name in names:
        run("docker", "pull", "--quiet", name)
        if run("docker", "image", "inspect", "--format", "{{.Id}}", name) != image:
            return Stage("published", 1, reason=f"{name} is not what was tested")
    return Stage("published", 0, reason=f"by hash and as latest: {image}")


def main() -> int:
    """Build, print one summary, and leave no image behind. Return the status."""
    clean_up_when_terminated()
    with clean_checkout() as clone:
        commit = run("git", "-C", clone, "rev-parse", "HEAD")
        workspace = clone.parent / "workspace"
        workspace.mkdir()
        try:
            with server() as target:
                stages = build(clone, commit, workspace, target)
                if not any(stage.word == "FAILED" for stage in stages):
                    stages.append(see_published(commit, workspace))
                    stages.append(target.see("deployed", commit))
                elif stages[-1].name == "Deploy" and stages[-1].status:
                    stages.append(target.see("as before", BEFORE))
                return summarize("The pipeline of Jenkins", stages)
        finally:
            images = [
                *(f"page-tracker:{commit}", f"page-tracker:{commit}-test"),
                *(f"{REPOSITORY}:{tag}" for tag in (commit, "latest")),
            ]
            subprocess.run(
                ["docker", "image", "rm", *images],
                check=False,
                capture_output=True,
                timeout=120,
            )


if __name__ == "__main__":
    sys.exit(main())
