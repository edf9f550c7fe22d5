"""GitHub's workflows pass in a fork, and have few rights."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import ROOT, load, on_path, read, run, targets

CI = ".github/workflows/ci.yml"
ROLLBACK = ".github/workflows/rollback.yml"

# The inputs of the actions that we use, by major version. For a new one, look into the
# action.yml at the pinned commit.
ACTIONS = json.loads(read(".ci/test/actions.json"))

every_workflow = pytest.mark.parametrize(
    "name", sorted(os.listdir(ROOT / ".github/workflows"))
)


def jobs_in(workflow: str) -> dict[str, Any]:
    """Return the jobs of a workflow."""
    jobs: dict[str, Any] = load(workflow)["jobs"]
    return jobs


def step_of(job: dict[str, Any], target: str) -> dict[str, Any]:
    """Return the step of a job that calls a target."""
    (found,) = [step for step in job["steps"] if step.get("run") == f"make {target}"]
    return dict(found)


@every_workflow
def test_should_pin_every_action_and_give_it_valid_inputs(name: str) -> None:
    # Given
    text = read(f".github/workflows/{name}")
    pin = r"uses: (\S+@[0-9a-f]{40}) # (v\d+)\.\d+\.\d+$"
    pins = re.findall(pin, text, re.MULTILINE)

    # When
    jobs = jobs_in(f".github/workflows/{name}").values()
    used = [step for job in jobs for step in job["steps"] if "uses" in step]

    # Then
    assert [uses for uses, _ in pins] == [step["uses"] for step in used]
    for step, (uses, version) in zip(used, pins):
        action = uses.partition("@")[0]
        takes = ACTIONS[f"{action}@{version}"]
        given = set(step.get("with", {}))
        assert set(takes["required"]) <= given <= set(takes["inputs"]), action


@every_workflow
def test_should_give_every_job_little_time_and_few_rights(name: str) -> None:
    # When
    workflow = load(f".github/workflows/{name}")

    # Then: ubuntu-22.04 is gone in April 2027
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert "permissions" in job
        machines = job.get("strategy", {}).get("matrix", {}).get("include", [])
        for runs_on in [m["runner"] for m in machines] or [job["runs-on"]]:
            assert runs_on in {"ubuntu-24.04", "ubuntu-24.04-arm"}


def test_should_test_every_supported_python_and_all_stacks() -> None:
    # Given
    classifier = r"Programming Language :: Python :: (\d+\.\d+)"
    tests = {name for name in targets() if re.search("-(test|drill)$", name)}

    # When
    jobs = jobs_in(CI)
    called = {
        step.get("run", "").removeprefix("make ")
        for job in jobs.values()
        for step in job["steps"]
    }

    # Then: all but those of a swarm, which need an engine of their own, and those of
    # the API, which `make test` runs
    matrix = jobs["python"]["strategy"]["matrix"]
    assert matrix["python"] == re.findall(classifier, read("web/pyproject.toml"))
    assert tests - called == {"api-test", "swarm-test"}


def test_should_require_test_build_and_scan_before_a_merge() -> None:
    # Given
    rules = {rule["type"]: rule for rule in load(".github/rulesets/main.json")["rules"]}
    checks = rules["required_status_checks"]["parameters"]["required_status_checks"]

    # When
    names = [check["context"] for check in checks]
    required = {name: jobs_in(CI)[name] for name in names}

    # Then: GitHub skips jobs after a failed one, and counts a skipped check as passed
    assert names == ["test", "build", "scan"]
    assert all(job["name"] == name for name, job in required.items())
    assert required["test"]["if"] == "always()"
    assert required["test"]["needs"] == ["check", "python"]
    assert required["build"]["needs"] == "test" and "if" not in required["build"]
    assert not {"if", "needs"} & set(required["scan"])
    assert step_of(required["test"], "verdict")["env"] == {
        "RESULTS": "${{ join(needs.*.result, ' ') }}"
    }


@pytest.mark.parametrize(
    "results", ["success success", "success failure", "skipped success", ""]
)
def test_should_pass_only_when_every_job_passed(results: str) -> None:
    # When
    environment = os.environ | {"RESULTS": results}
    status, output = run("make", "verdict", environment=environment)

    # Then
    assert (status == 0) is (results == "success success"), output


def test_should_publish_and_deploy_even_when_a_scan_finds_something() -> None:
    # When
    jobs = jobs_in(CI)
    scanning = {name for name, job in jobs.items() if "'make scan" in str(job)}
    waits_for = [jobs[name]["needs"] for name in ("deploy", "build", "test")]

    # Then
    assert scanning == {"scan"}
    assert waits_for == ["build", "test", ["check", "python"]]


def test_should_use_no_secret_that_a_fork_lacks() -> None:
    # When
    build = jobs_in(CI)["build"]
    login, publish = [step for step in build["steps"] if "secrets." in str(step)]

    # Then: if they are not set, the login and the second repository are left out
    assert build["env"]["DOCKER_HUB"] == (
        "${{ secrets.DOCKERHUB_USERNAME != '' && secrets.DOCKERHUB_TOKEN != '' }}"
    )
    assert login["if"].endswith("&& env.DOCKER_HUB == 'true'")
    own, hub = publish["env"]["REPOSITORIES"].split("}} ", 1)
    assert own == "ghcr.io/${{ github.repository "
    assert hub.startswith("${{ env.DOCKER_HUB == 'true' && format(")
    assert "env.DOCKER_HUB != 'true'" in publish["env"]["LEFT_OUT"]
    assert "vars.DEPLOY_HOST == ''" in publish["env"]["LEFT_OUT"]


DOCKER = """case $* in
    *revision*) echo 0123abc ;;
    *RepoDigests*) printf '%s@sha256:feed\\n' page-tracker ghcr.io/you/page-tracker ;;
esac"""


def test_should_list_in_the_summary_what_was_published_and_left_out(
    tmp_path: Path,
) -> None:
    # Given: an engine that names digests of images that were never pushed (Docker 29)
    (tmp_path / ".ci").mkdir()
    for name in ("publish", "need"):
        shutil.copy(ROOT / ".ci" / name, tmp_path / ".ci")
    summary, output = tmp_path / "summary.md", tmp_path / "output"

    # When
    status, printed = run(
        tmp_path / ".ci/publish",
        environment={
            "PATH": on_path(tmp_path / "bin", docker=DOCKER),
            "PAGE_TRACKER_IMAGE": "page-tracker:0123abc",
            "REPOSITORIES": "ghcr.io/You/page-tracker ",
            "LEFT_OUT": "Docker Hub (secrets …)\n\n",
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_OUTPUT": str(output),
        },
    )

    # Then
    assert status == 0, printed
    assert summary.read_text().splitlines() == [
        "Published:",
        "",
        "- ghcr.io/you/page-tracker@sha256:feed",
        "- Left out: Docker Hub (secrets …)",
    ]
    assert output.read_text() == "digest=sha256:feed\n"


def test_should_deploy_the_first_published_image_by_its_digest() -> None:
    # When
    publish = step_of(jobs_in(CI)["build"], "publish")["env"]["REPOSITORIES"]
    deploy = step_of(jobs_in(CI)["deploy"], "deploy")["env"]["IMAGE"]

    # Then
    assert deploy == f"{publish.split(' $')[0]}@${{{{ needs.build.outputs.digest }}}}"


@pytest.mark.parametrize(("workflow", "name"), [(CI, "deploy"), (ROLLBACK, "rollback")])
def test_should_give_a_deployment_every_setting_and_require_a_host(
    workflow: str, name: str
) -> None:
    # Given
    reach = re.findall(r"^# .*\b(DEPLOY_[A-Z_]+)\b", read("deploy/reach"), re.M)
    plan = re.findall(r'^    "([A-Z_]+)": "', read("deploy/deployer/plan.py"), re.M)
    assert reach and plan

    # When
    job = jobs_in(workflow)[name]
    given = step_of(job, name)["env"]

    # Then
    assert "vars.DEPLOY_HOST != ''" in job["if"]
    assert job["environment"]["name"] == "production"
    assert set(reach) <= set(given)
    assert name == "rollback" or set(plan) <= set(given)
    for setting, value in given.items():
        if setting != "IMAGE":
            secret = setting in {"DEPLOY_KEY", "DEPLOY_ENV"}
            assert value == f"${{{{ {'secrets' if secret else 'vars'}.{setting} }}}}"


def test_should_never_cancel_a_deployment() -> None:
    # When
    whole, deploy = (load(CI)["concurrency"], jobs_in(CI)["deploy"]["concurrency"])

    # Then: on main every run is independent
    assert whole["group"].endswith(
        "${{ github.event_name == 'pull_request' && github.ref || github.run_id }}"
    )
    assert deploy == {"group": "production", "cancel-in-progress": False}
    assert "concurrency" not in load(ROLLBACK)
