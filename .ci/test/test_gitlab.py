"""GitLab's pipeline publishes and deploys only the image that was tested."""

from typing import Any

from support import load

PIPELINE = load(".gitlab-ci.yml")
JOBS: dict[str, dict[str, Any]] = {
    name: PIPELINE["default"] | PIPELINE.get(job.get("extends"), {}) | job
    for name, job in PIPELINE.items()
    if "script" in job and not name.startswith(".")
}
ON_MAIN = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH &&"


def needed_by(name: str) -> set[str]:
    """Return all jobs that a job waits for."""
    needs = set(JOBS[name].get("needs", []))
    return needs.union(*(needed_by(need) for need in needs))


def test_should_need_jobs_of_the_same_or_an_earlier_stage() -> None:
    # Given: the schema does not check this
    stages = PIPELINE["stages"]

    # Then
    for name, job in JOBS.items():
        for need in job.get("needs", []):
            needed = stages.index(JOBS[need]["stage"])
            assert needed <= stages.index(job["stage"]), (name, need)


def test_should_publish_the_tested_image_even_when_a_scan_finds_something() -> None:
    # When
    (rule,) = JOBS["publish"]["rules"]
    lenient = [name for name, job in JOBS.items() if "allow_failure" in str(job)]

    # Then: the scans still fail the pipeline
    assert needed_by("publish") == {"test", "build", "e2e"}
    assert rule["if"].startswith(ON_MAIN)
    assert {"scan", "scan-image"} <= set(JOBS)
    assert lenient == ["rollback"]


def test_should_deploy_the_published_image_once_somebody_approves() -> None:
    # When
    (rule,) = JOBS["deploy"]["rules"]

    # Then
    assert needed_by("deploy") == {"publish"} | needed_by("publish")
    assert rule["when"] == "manual"
    assert rule["if"].startswith(ON_MAIN) and rule["if"].endswith("&& $DEPLOY_HOST")


def test_should_cancel_no_deployment_and_run_one_at_a_time() -> None:
    # When
    touching = {name: job for name, job in JOBS.items() if "environment" in job}
    lasting = {name for name, job in JOBS.items() if not job["interruptible"]}

    # Then
    assert set(touching) == {"deploy", "rollback"}
    assert lasting == {"publish", "deploy", "rollback"}
    for job in touching.values():
        assert job["environment"]["name"] == job["resource_group"] == "production"
