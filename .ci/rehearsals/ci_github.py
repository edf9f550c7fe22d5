"""Rehearse the workflow CI of GitHub on this machine: `make ci-github`.

Every job runs in a clean clone, every `run:` step for real, as for a push to main. What
an action of others would do is done here in its place: check out, log in, keep files.
The registries are one real registry on loopback, and what is deployed goes to a server
at home, from which the workflow Rollback then takes it back. Where `act` is installed,
it runs the steps of the job `build` first, as for a pull request.

One Python of the matrix is tried: the one that runs this.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from rehearsal import (
    COULD_NOT_LOOK,
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

WORKFLOW = ".github/workflows/ci.yml"
ROLLBACK = ".github/workflows/rollback.yml"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


class CanNotRehearseError(Exception):
    """The workflow uses what this rehearsal does not know."""


@dataclass
class Push:
    """A push to main, and what the jobs that it starts find."""

    commit: str
    server: Server
    outputs: dict[str, str] = field(default_factory=dict)
    """What jobs gave to the jobs that need them, by `needs.JOB.outputs.NAME`."""

    @property
    def values(self) -> dict[str, str]:
        """Return what `${{ … }}` can name in a step."""
        variables = self.server.target | self.server.settings
        return {
            "github.sha": self.commit,
            "github.event_name": "push",
            "github.repository": "rehearsal/page-tracker",
            "github.actor": os.environ["REGISTRY_USER"],
            "github.token": os.environ["REGISTRY_PASSWORD"],
            "secrets.DOCKERHUB_USERNAME": os.environ["REGISTRY_USER"],
            "secrets.DOCKERHUB_TOKEN": os.environ["REGISTRY_PASSWORD"],
            "secrets.DEPLOY_KEY": self.server.key.read_text(encoding="utf-8"),
            "matrix.python": f"{sys.version_info.major}.{sys.version_info.minor}",
            **{f"vars.{name}": value for name, value in variables.items()},
            **self.outputs,
        }


def fill_in(text: str, values: dict[str, str]) -> str:
    """Replace the expressions in a text by their values."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values and not found[1].startswith("vars."):
            raise CanNotRehearseError(f"it does not know ${{{{ {found[1]} }}}}")
        return values.get(found[1], "")

    return EXPRESSION.sub(value, text)


def is_wanted(condition: str, values: dict[str, str], has_failed: bool) -> bool:
    """Say whether a step runs, by its `if:`."""
    if whole := EXPRESSION.fullmatch(condition):
        condition = whole[1]
    if condition in ("!cancelled()", "always()"):
        return True
    if condition == "failure()":
        return has_failed
    return not has_failed and all(
        holds(part, values) for part in condition.split(" && ") if part
    )


def holds(comparison: str, values: dict[str, str]) -> bool:
    """Say whether a comparison with a text holds."""
    found = re.fullmatch(r"([\w.]+) ([=!]=) '([^']*)'", comparison)
    if not found or found[1] not in values:
        raise CanNotRehearseError(f"it does not know if: {comparison}")
    return (values[found[1]] == found[3]) is (found[2] == "==")


def at_home(repositories: str) -> str:
    """Return repositories' names with the registry of this rehearsal before each."""
    return " ".join(f"{os.environ['REGISTRY']}/{name}" for name in repositories.split())


def log_in(inputs: dict[str, str]) -> tuple[int, str]:
    """Do what docker/login-action does, at the registry of this rehearsal."""
    done = subprocess.run(
        ["docker", "login", "--username", inputs["username"], "--password-stdin"]
        + [os.environ["REGISTRY"]],
        input=inputs["password"],
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, (
        done.stderr
        if done.returncode
        else f"Logged in, in place of {inputs.get('registry', 'Docker Hub')}."
    )


def keep(inputs: dict[str, str], checkout: Path) -> tuple[int, str]:
    """Do what actions/upload-artifact does, but for the upload."""
    files = [path for path in (checkout / inputs["path"]).rglob("*") if path.is_file()]
    names = ", ".join(sorted(path.name for path in files))
    return (0, f"Kept {names}.") if files else (1, f"No file is in {inputs['path']}")


def use(action: str, inputs: dict[str, str], checkout: Path) -> tuple[int, str]:
    """Do what an action does, and return the status and what to say of it."""
    match action.partition("@")[0]:
        case "actions/checkout":
            return 0, "A clean clone."
        case "actions/setup-python":
            return 0, f"Python {sys.version_info.major}.{sys.version_info.minor}."
        case "docker/login-action":
            return log_in(inputs)
        case "actions/upload-artifact":
            return keep(inputs, checkout)
        case name:
            raise CanNotRehearseError(f"it does not know the action {name}")


def run_command(
    command: str, checkout: Path, environment: dict[str, str], seconds: float
) -> tuple[int, str]:
    """Run a step's `run:`, as GitHub does."""
    if not shutil.which("sudo"):
        command = command.removeprefix("sudo ")
    environment = dict(environment)
    for name in {"REPOSITORIES", "IMAGE"}.intersection(environment):
        environment[name] = at_home(environment[name])
    return run_live(
        ["bash", "-e", "-c", command],
        checkout,
        environment_of_ci() | {"GITHUB_ACTIONS": "true"} | environment,
        seconds,
    )


def has_failed(stage: Stage) -> bool:
    """Say whether what comes after it is not run."""
    return stage.status not in (None, 0, COULD_NOT_LOOK)


def run_job(push: Push, name: str, job: dict[str, Any]) -> Stage:
    """Run the steps of a job in a clean clone, and say how it went."""
    values = push.values
    stage = Stage(fill_in(job.get("name", name), values), 0)
    began = time.monotonic()
    deadline = began + 60 * job["timeout-minutes"]
    of_job = {key: fill_in(text, values) for key, text in job.get("env", {}).items()}
    if "environment" in job:
        of_job |= push.server.settings
    with clean_checkout() as checkout:
        output_file = checkout.parent / "output"
        of_job["GITHUB_OUTPUT"] = str(output_file)
        for step in job["steps"]:
            title = step.get("name") or step["uses"].partition("@")[0]
            if not is_wanted(str(step.get("if", "")), values, has_failed(stage)):
                print(f"\n-- {stage.name} / {title}: skipped", flush=True)
                continue
            print(f"\n-- {stage.name} / {title}", flush=True)
            given = {
                key: fill_in(str(text), values)
                for key, text in (step.get("with") or step.get("env") or {}).items()
            }
            output_file.write_text("", encoding="utf-8")
            if "uses" in step:
                status, output = use(step["uses"], given, checkout)
                print(output, flush=True)
            else:
                status, output = run_command(
                    step["run"], checkout, of_job | given, deadline - time.monotonic()
                )
                status = status_of_target(status, output)
            for line in output_file.read_text(encoding="utf-8").splitlines():
                key, _, value = line.partition("=")
                values[f"steps.{step.get('id')}.outputs.{key}"] = value
            if status and stage.status in (0, COULD_NOT_LOOK):
                stage.status, stage.reason = status, f"{title}: {reason_in(output)}"
    if not has_failed(stage):
        for key, text in job.get("outputs", {}).items():
            push.outputs[f"needs.{name}.outputs.{key}"] = fill_in(text, values)
    stage.seconds = time.monotonic() - began
    return stage


def run_by_act(job: dict[str, Any]) -> Stage:
    """Let act run the steps of the job `build` on this machine, as a pull request's."""
    began = time.monotonic()
    # Those of a push only stay out: act would fetch their actions all the same.
    steps = [step for step in job["steps"] if "if" not in step]
    alone = {name: job[name] for name in job if name != "needs"} | {"steps": steps}
    with clean_checkout() as checkout:
        workflow = checkout.parent / "build.yml"
        workflow.write_text(
            json.dumps({"name": "CI", "on": "pull_request", "jobs": {"build": alone}}),
            encoding="utf-8",
        )
        platform = f"{job['runs-on']}=-self-hosted"
        status, output = run_live(
            ["act", "pull_request", "--workflows", workflow, "--platform", platform],
            checkout,
            environment_of_ci(),
            60 * job["timeout-minutes"],
        )
    said = [line.partition("  | ")[2] for line in output.splitlines()]
    reason = reason_in("\n".join(said)) if status else ""
    return Stage("build, by act", status, time.monotonic() - began, reason)


def names_of(commit: str) -> list[str]:
    """Return the names under which the registries have the image."""
    return [
        f"{at_home(repository)}:{tag}"
        for repository in (
            f"{os.environ['REGISTRY_USER']}/page-tracker",
            "ghcr.io/rehearsal/page-tracker",
        )
        for tag in (commit, "latest")
    ]


def see_published(commit: str) -> Stage:
    """See that each registry has the image that was built, by hash and as latest."""
    built = id_of(f"page-tracker:{commit}")
    for name in names_of(commit):
        run("docker", "pull", "--quiet", name)
        if id_of(name) != built:
            return Stage("published", 1, reason=f"{name} is not what was built")
    return Stage("published", 0, reason=f"by hash and as latest: {built}")


def id_of(image: str) -> str:
    """Return the id of an image, which no other image has."""
    return run("docker", "image", "inspect", "--format", "{{.Id}}", image)


def jobs_of(workflow: str) -> dict[str, Any]:
    """Return the jobs of a workflow, by name."""
    text = (ROOT / workflow).read_text(encoding="utf-8")
    jobs: dict[str, Any] = yaml.safe_load(text)["jobs"]
    return jobs


def run_all(push: Push) -> list[Stage]:
    """Run jobs in the order of their needs until one fails, and say how each went."""
    jobs = jobs_of(WORKFLOW)
    needs = {name: job.get("needs", []) for name, job in jobs.items()}
    needs = {
        name: [before] if isinstance(before, str) else before
        for name, before in needs.items()
    }
    stages = []
    if shutil.which("act"):
        stages.append(run_by_act(jobs["build"]))
    for name in TopologicalSorter(needs).static_order():
        if any(has_failed(stage) for stage in stages):
            stages.append(Stage(name, reason="since another job failed"))
        elif not is_wanted(jobs[name].get("if", ""), push.values, False):
            stages.append(Stage(name, reason="on a push"))
        else:
            if "environment" in jobs[name]:
                print(f"\n-- {name} / approval", flush=True)
                push.server.approve(f"page-tracker:{push.commit}")
            stages.append(run_job(push, name, jobs[name]))
            if name == "deploy" and has_failed(stages[-1]):
                stages.append(push.server.see("as before", BEFORE))
    if not any(has_failed(stage) for stage in stages):
        stages.append(see_published(push.commit))
        stages.append(push.server.see("deployed", push.commit))
    if not any(has_failed(stage) for stage in stages):
        stages.append(run_job(push, "rollback", jobs_of(ROLLBACK)["rollback"]))
        stages.append(push.server.see("rolled back", BEFORE))
    return stages


def main() -> int:
    """Run all jobs, print one summary, and leave no image behind. Return the status."""
    clean_up_when_terminated()
    commit = run("git", "rev-parse", "HEAD")
    try:
        with server() as target:
            return summarize("The workflow CI of GitHub", run_all(Push(commit, target)))
    except CanNotRehearseError as error:
        print(f"The rehearsal can not go on with {WORKFLOW}: {error}")
        return 2
    finally:
        built = [f"page-tracker:{commit}", f"page-tracker:{commit}-test"]
        subprocess.run(
            ["docker", "image", "rm", *built, *names_of(commit)],
            check=False,
            capture_output=True,
            timeout=120,
        )


if __name__ == "__main__":
    sys.exit(main())
