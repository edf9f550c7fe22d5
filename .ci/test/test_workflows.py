"""GitHub's workflows check out, set up, call make and collect, and nothing else."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CI = ROOT / ".github/workflows/ci.yml"
ROLLBACK = ROOT / ".github/workflows/rollback.yml"

# What the actions take that we use, by their major version. One that is not here yet is
# to be looked up in the action.yml at the commit that is pinned.
ACTIONS = json.loads((Path(__file__).parent / "actions.json").read_text("utf-8"))

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def jobs_in(path: Path) -> dict[str, Any]:
    """Return the jobs of a workflow."""
    jobs: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return jobs


def steps_in(path: Path) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in jobs_in(path).values() for step in job["steps"]]


@every_workflow
def test_should_run_nothing_but_make_targets_that_exist(path: Path) -> None:
    # Given
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE)

    # When
    commands = [step["run"] for step in steps_in(path) if "run" in step]

    # Then
    assert commands
    for command in commands:
        line = re.fullmatch(r"make ([a-z0-9-]+)", command)
        assert line and line[1] in targets, command


@every_workflow
def test_should_pin_every_action_to_a_commit(path: Path) -> None:
    # When
    lines = re.findall(r"uses: (.*)", path.read_text("utf-8"))

    # Then
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@every_workflow
def test_should_give_every_action_what_it_takes(path: Path) -> None:
    # Given
    versions = dict(
        re.findall(r"uses: (\S+) # (v\d+)", path.read_text("utf-8")),
    )

    # When
    used = [step for step in steps_in(path) if "uses" in step]

    # Then
    for step in used:
        name = step["uses"].partition("@")[0]
        action = ACTIONS[f"{name}@{versions[step['uses']]}"]
        given = set(step.get("with", {}))
        assert given <= set(action["inputs"]), name
        assert set(action["required"]) <= given, name


@every_workflow
def test_should_give_every_job_little_time_and_few_rights(path: Path) -> None:
    # When
    workflow = yaml.safe_load(path.read_text("utf-8"))

    # Then
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert "permissions" in job
    for step in steps_in(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def needing_the_system() -> set[str]:
    """Return the targets that install what the system lacks, or ask for it."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    needs = dict(re.findall(r"^([a-z0-9-]+): ?(.*?) ##", makefile, re.MULTILINE))
    found = {"system"}
    while more := {
        name for name in needs.keys() - found if found & set(needs[name].split())
    }:
        found |= more
    return found - {"system"}


@every_workflow
def test_should_install_what_the_system_lacks_before_it_is_needed(path: Path) -> None:
    # Given
    needing = needing_the_system()
    assert {"ci", "binary-test"} <= needing

    # When
    jobs = [
        [step["run"] for step in job["steps"] if "run" in step]
        for job in jobs_in(path).values()
    ]

    # Then
    for commands in jobs:
        targets = [command.split()[-1] for command in commands]
        if needing & set(targets):
            assert "make system" in commands, commands
            assert targets.index("system") < min(
                targets.index(name) for name in needing & set(targets)
            )


def test_should_test_every_supported_python() -> None:
    # When
    supported = re.findall(
        r"Programming Language :: Python :: (\d+\.\d+)",
        (ROOT / "web/pyproject.toml").read_text("utf-8"),
    )

    # Then
    assert jobs_in(CI)["python"]["strategy"]["matrix"]["python"] == supported


@every_workflow
def test_should_run_on_machines_that_are_kept_for_another_year(path: Path) -> None:
    # When: ubuntu-22.04 is gone in April 2027
    runners = set(
        re.findall(r"(?:runs-on|runner): (ubuntu-\S+)", path.read_text("utf-8"))
    )

    # Then
    assert runners <= {"ubuntu-24.04", "ubuntu-24.04-arm"}


def test_should_require_what_it_says_before_a_merge() -> None:
    # Given
    ruleset = json.loads((ROOT / ".github/rulesets/main.json").read_text("utf-8"))
    (checks,) = [
        [check["context"] for check in rule["parameters"]["required_status_checks"]]
        for rule in ruleset["rules"]
        if rule["type"] == "required_status_checks"
    ]

    # When: one that is skipped counts as passed, and so is one after a job that failed
    required = {name: jobs_in(CI)[name] for name in checks}

    # Then
    assert checks == ["test", "build", "scan"]
    assert required["test"]["if"] == "always()"
    assert required["test"]["needs"] == ["check", "python"]
    assert required["build"]["needs"] == "test"
    assert not {"if", "needs"} & set(required["scan"])
    assert all(job["name"] == name for name, job in required.items())


def test_should_give_the_first_verdict_before_the_long_tests() -> None:
    # When
    check = jobs_in(CI)["check"]

    # Then
    assert "needs" not in check
    assert [step["run"] for step in check["steps"] if "run" in step] == ["make check"]


@pytest.mark.parametrize(
    "results, status",
    [
        ("success success", 0),
        ("success failure", 2),
        ("skipped success", 2),
        ("cancelled success", 2),
        ("", 2),
    ],
)
def test_should_pass_only_when_every_job_did(results: str, status: int) -> None:
    # When
    (given,) = [step["env"] for step in jobs_in(CI)["test"]["steps"] if "run" in step]
    verdict = subprocess.run(
        ["make", "verdict"],
        cwd=ROOT,
        env=os.environ | {"RESULTS": results},
        capture_output=True,
        check=False,
        timeout=30,
    )

    # Then
    assert given == {"RESULTS": "${{ join(needs.*.result, ' ') }}"}
    assert verdict.returncode == status


def test_should_publish_and_deploy_when_a_scan_finds_something() -> None:
    # When
    jobs = jobs_in(CI)

    def before(name: str) -> set[str]:
        needs = jobs[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct.union(*(before(need) for need in direct))

    # Then
    scanning = {
        name
        for name, job in jobs.items()
        if any(step.get("run", "").startswith("make scan") for step in job["steps"])
    }
    assert scanning == {"scan"}
    assert before("deploy") == {"build", "test", "check", "python"}


def test_should_use_no_secret_that_a_fork_lacks() -> None:
    # When
    build = jobs_in(CI)["build"]
    condition = build["env"]["DOCKER_HUB"]
    using = [step for step in build["steps"] if "secrets." in json.dumps(step)]

    # Then: where both are not set, the login and the second repository are left out
    assert re.findall(r"secrets\.(\w+) != ''", condition) == [
        "DOCKERHUB_USERNAME",
        "DOCKERHUB_TOKEN",
    ]
    login, publish = using
    assert login["if"].endswith("&& env.DOCKER_HUB == 'true'")
    first, second = publish["env"]["REPOSITORIES"].split("}} ", 1)
    assert first == "ghcr.io/${{ github.repository "
    assert second.startswith("${{ env.DOCKER_HUB == 'true' && format(")
    assert "env.DOCKER_HUB != 'true'" in publish["env"]["LEFT_OUT"]
    assert "vars.DEPLOY_HOST == ''" in publish["env"]["LEFT_OUT"]


DOCKER = """#!/bin/sh
case $* in
    *revision*) echo 0123abc ;;
    *RepoDigests*) echo ghcr.io/you/page-tracker@sha256:feed ;;
esac
"""


def test_should_say_in_the_summary_what_was_published_and_what_left_out(
    tmp_path: Path,
) -> None:
    # Given
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(DOCKER)
    (tmp_path / "bin/docker").chmod(0o755)
    for name in ("publish", "need"):
        (tmp_path / ".ci").mkdir(exist_ok=True)
        shutil.copy(ROOT / ".ci" / name, tmp_path / ".ci")
    summary, output = tmp_path / "summary.md", tmp_path / "output"

    # When
    subprocess.run(
        [tmp_path / ".ci/publish"],
        env={
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "PAGE_TRACKER_IMAGE": "page-tracker:0123abc",
            "REPOSITORIES": "ghcr.io/You/page-tracker ",
            "LEFT_OUT": "Docker Hub (secrets …)\n\n",
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_OUTPUT": str(output),
        },
        check=True,
        timeout=30,
    )

    # Then
    assert summary.read_text().splitlines() == [
        "Published:",
        "",
        "- ghcr.io/you/page-tracker@sha256:feed",
        "- Left out: Docker Hub (secrets …)",
    ]
    assert output.read_text() == "digest=sha256:feed\n"


def test_should_run_all_tests_of_the_makefile_once_a_week() -> None:
    # Given
    makefile = (ROOT / "Makefile").read_text("utf-8")
    tests = set(re.findall(r"^([a-z-]+-(?:test|drill)):", makefile, re.MULTILINE))
    assert "proxy-test" in tests

    # When
    run = {step["run"].split()[-1] for step in steps_in(CI) if "run" in step}

    # Then: but for those of a swarm, which stand no other beside them
    assert tests - run == {"swarm-test"}


def test_should_deploy_by_digest_what_was_published_first() -> None:
    # Given
    build, deploy = (jobs_in(CI)[name] for name in ("build", "deploy"))

    # When
    (published,) = [
        step["env"]["REPOSITORIES"]
        for step in build["steps"]
        if step.get("run") == "make publish"
    ]

    # Then
    (image,) = [
        step["env"]["IMAGE"]
        for step in deploy["steps"]
        if step.get("run") == "make deploy"
    ]
    repository, _, digest = image.partition("@")
    assert published.startswith(f"{repository} ")
    assert digest == "${{ needs.build.outputs.digest }}"
    assert deploy["needs"] == "build"


@pytest.mark.parametrize(
    "job",
    [jobs_in(CI)["deploy"], jobs_in(ROLLBACK)["rollback"]],
    ids=["deploy", "rollback"],
)
def test_should_touch_production_where_a_target_is_set_up_only(
    job: dict[str, Any],
) -> None:
    # Given
    names = set(
        re.findall(
            r"^#.*\b(DEPLOY_[A-Z_]+)\b",
            (ROOT / "deploy/reach").read_text("utf-8"),
            re.MULTILINE,
        )
    )

    # When
    environment = job["steps"][-1]["env"]

    # Then
    assert "vars.DEPLOY_HOST != ''" in job["if"]
    assert job["environment"]["name"] == "production"
    assert names <= set(environment)
    for name, value in environment.items():
        if name != "IMAGE":
            context = "secrets" if name == "DEPLOY_KEY" else "vars"
            assert value == f"${{{{ {context}.{name} }}}}"


def test_should_never_cancel_a_deployment() -> None:
    # When
    concurrency = jobs_in(CI)["deploy"]["concurrency"]

    # Then
    assert concurrency == {"group": "production", "cancel-in-progress": False}
    assert "concurrency" not in yaml.safe_load(ROLLBACK.read_text("utf-8"))


def test_should_know_every_setting_of_a_deployment() -> None:
    # Given
    settings = re.findall(
        r'^    "([A-Z_]+)": "',
        (ROOT / "deploy/deployer/plan.py").read_text("utf-8"),
        re.MULTILINE,
    )

    # When
    environment = jobs_in(CI)["deploy"]["steps"][-1]["env"]

    # Then
    assert settings
    assert set(settings) <= set(environment)
