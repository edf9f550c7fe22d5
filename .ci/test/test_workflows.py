"""GitHub's workflows check out, set up, call make and collect, and nothing else."""

import json
import re
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
        line = re.fullmatch(r"(?:sudo )?make ([a-z0-9-]+)", command)
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
            assert "sudo make system" in commands, commands
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
    assert jobs_in(CI)["test"]["strategy"]["matrix"]["python"] == supported


def test_should_require_every_job_before_a_merge() -> None:
    # Given
    names = {
        re.sub(r"\$\{\{ matrix\.python \}\}", version, job["name"])
        for job in jobs_in(CI).values()
        if "if" not in job
        for version in job.get("strategy", {}).get("matrix", {}).get("python", [""])
    }

    # When
    ruleset = json.loads((ROOT / ".github/rulesets/main.json").read_text("utf-8"))
    (checks,) = [
        rule["parameters"]["required_status_checks"]
        for rule in ruleset["rules"]
        if rule["type"] == "required_status_checks"
    ]

    # Then
    assert {check["context"] for check in checks} == names


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
        (ROOT / "deploy/deployment/plan.py").read_text("utf-8"),
        re.MULTILINE,
    )

    # When
    environment = jobs_in(CI)["deploy"]["steps"][-1]["env"]

    # Then
    assert settings
    assert {*settings, "STRATEGY"} <= set(environment)
