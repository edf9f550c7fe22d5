"""GitLab's pipeline sets jobs up, calls make and collects, and nothing else."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / ".gitlab-ci.yml").read_text("utf-8")
PIPELINE = yaml.safe_load(TEXT)
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

# What a job may do besides make: be set up, and log in.
SET_UP = (
    r"\.ci/need( (make|git|docker))+",
    r'echo "\$CI_REGISTRY_PASSWORD" \| docker login'
    r' --username "\$CI_REGISTRY_USER" --password-stdin "\$CI_REGISTRY"',
)


def jobs() -> dict[str, Any]:
    """Return every job, with what it has of `default` and of what it extends."""
    return {
        name: PIPELINE["default"] | PIPELINE.get(job.get("extends"), {}) | job
        for name, job in PIPELINE.items()
        if "script" in job and not name.startswith(".")
    }


def needed_by(name: str) -> set[str]:
    """Return all jobs that a job waits for."""
    needs = set(jobs()[name].get("needs", []))
    return needs.union(*(needed_by(need) for need in needs))


def test_should_run_nothing_but_set_up_and_make_targets_that_exist() -> None:
    # Given
    targets = re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE)

    for name, job in jobs().items():
        # When
        rest = [
            line
            for line in job["before_script"] + job["script"]
            if not any(re.fullmatch(pattern, line) for pattern in SET_UP)
        ]

        # Then
        assert rest, name
        for line in rest:
            command = re.fullmatch(r"make ([\w-]+)", line)
            assert command and command[1] in targets, (name, line)


def test_should_give_every_job_little_time() -> None:
    for name, job in jobs().items():
        # When
        minutes = re.fullmatch(r"(\d+) minutes", job["timeout"])

        # Then
        assert minutes and int(minutes[1]) <= 60, name


def test_should_say_why_when_a_job_is_not_interruptible() -> None:
    # When
    explained = re.findall(r"^  # .*\n  interruptible: false", TEXT, re.MULTILINE)

    # Then
    assert PIPELINE["default"]["interruptible"]
    assert len(explained) == TEXT.count("interruptible: false")
    uninterruptible = {name for name, job in jobs().items() if not job["interruptible"]}
    assert uninterruptible == {"publish", "deploy", "rollback"}


def test_should_run_where_the_image_runs() -> None:
    # Given
    dockerfile = (ROOT / "web/Dockerfile").read_text("utf-8")

    # When
    (base,) = re.findall(r"^FROM (python:\S+)", dockerfile, re.MULTILINE)

    # Then
    assert {job["image"] for job in jobs().values()} == {base}


def test_should_fetch_anew_when_what_is_pinned_changes() -> None:
    # When
    caches = [job["cache"] for job in jobs().values() if job["cache"]]

    # Then
    pinned = {"web/constraints.txt", "web/package-lock.json"}
    assert caches
    assert all(set(cache["key"]["files"]) == pinned for cache in caches)


def test_should_need_jobs_of_the_same_or_an_earlier_stage() -> None:
    # Given: the schema cannot know them
    stages = PIPELINE["stages"]

    for name, job in jobs().items():
        for need in job.get("needs", []):
            # When
            needed = jobs()[need]

            # Then
            earlier = stages.index(needed["stage"]) <= stages.index(job["stage"])
            assert earlier, (name, need)


def test_should_collect_every_report() -> None:
    # When
    artifacts = jobs()["test"]["artifacts"]
    coverage = artifacts["reports"]["coverage_report"]["path"]

    # Then
    folder = re.findall(r"--junit-xml=\$\(CURDIR\)/(.*)/\$\(1\)\.xml", MAKEFILE)
    assert [artifacts["reports"]["junit"]] == [f"{name}/*.xml" for name in folder]
    assert f"../{coverage}" in MAKEFILE
    assert artifacts["when"] == "always"


def test_should_publish_what_was_tested_and_nothing_else() -> None:
    # When
    publish = jobs()["publish"]

    # Then
    assert needed_by("publish") == {"test", "smoke", "build", "e2e"}
    (rule,) = publish["rules"]
    assert rule["if"].startswith("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH &&")


def test_should_deploy_what_was_published_once_somebody_says_so() -> None:
    # When
    deploy = jobs()["deploy"]

    # Then
    assert needed_by("deploy") == {"publish"} | needed_by("publish")
    assert jobs()["publish"]["artifacts"]["reports"]["dotenv"] in (
        (ROOT / ".ci/publish").read_text("utf-8")
    )
    (rule,) = deploy["rules"]
    assert rule["when"] == "manual"
    assert rule["if"].startswith("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH &&")
    assert rule["if"].endswith("&& $DEPLOY_HOST")


def test_should_touch_production_with_one_job_at_a_time() -> None:
    # When
    touching = {name: job for name, job in jobs().items() if "environment" in job}

    # Then
    assert set(touching) == {"deploy", "rollback"}
    for job in touching.values():
        assert job["environment"]["name"] == job["resource_group"] == "production"


def test_should_be_red_when_a_job_fails_that_a_pipeline_waits_for() -> None:
    # When
    lenient = [
        name
        for name, job in jobs().items()
        if any("allow_failure" in part for part in (job, *job.get("rules", [])))
    ]

    # Then
    assert {"scan", "scan-image"} <= set(jobs())
    assert lenient == ["rollback"]
