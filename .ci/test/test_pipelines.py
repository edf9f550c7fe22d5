"""Rules for GitHub's workflows, GitLab's pipeline and the Jenkinsfile."""

import re

import pytest
from support import ROOT, load, read, targets

WORKFLOWS = [
    str(path.relative_to(ROOT))
    for path in sorted((ROOT / ".github/workflows").glob("*.yml"))
]

# A job of GitLab may also set itself up, and log in.
SET_UP = (
    r"\.ci/need( (make|git|docker))+",
    r'echo "\$CI_REGISTRY_PASSWORD" \| docker login'
    r' --username "\$CI_REGISTRY_USER" --password-stdin "\$CI_REGISTRY"',
)


def commands_of(pipeline: str) -> list[str]:
    """Return every command that a pipeline runs."""
    if pipeline == "Jenkinsfile":
        code = re.sub(r"^ *//.*\n", "", read(pipeline), flags=re.MULTILINE)
        return [command.strip("'") for command in re.findall(r"\bsh\b *(.*)", code)]
    if pipeline == ".gitlab-ci.yml":
        return [
            command
            for job in load(pipeline).values()
            if isinstance(job, dict)
            for part in ("before_script", "script", "after_script")
            for command in job.get(part, [])
            if not any(re.fullmatch(pattern, command) for pattern in SET_UP)
        ]
    jobs = load(pipeline)["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("pipeline", [*WORKFLOWS, ".gitlab-ci.yml", "Jenkinsfile"])
def test_should_run_nothing_but_make_targets_that_exist(pipeline: str) -> None:
    # When
    commands = commands_of(pipeline)

    # Then: no sudo either, which would use another Python
    assert commands
    assert set(commands) <= {f"make {target}" for target in targets()}


def test_should_keep_every_report_that_the_tests_write() -> None:
    # Given
    makefile = read("Makefile")
    (folder,) = re.findall(r"--junit-xml='\$\(CURDIR\)/(.*)/\$\(1\)\.xml'", makefile)

    # When
    reports = load(".gitlab-ci.yml")["test"]["artifacts"]["reports"]
    (junit,) = re.findall(r"junit '(.*)'", read("Jenkinsfile"))
    (archived,) = re.findall(r"archiveArtifacts '(.*)'", read("Jenkinsfile"))

    # Then
    assert {reports["junit"], junit} == {f"{folder}/*.xml"}
    assert reports["coverage_report"]["path"] == archived
    assert f"-o ../{archived}" in makefile


def test_should_read_digests_from_files_that_the_scripts_write() -> None:
    # Given
    jobs, jenkins = load(".gitlab-ci.yml"), read("Jenkinsfile")

    # Then
    for job, script in (("build", ".ci/image"), ("publish", ".ci/publish")):
        handed = jobs[job]["artifacts"]["reports"]["dotenv"]
        assert f">{handed}" in read(script)
        assert f"readFile('{handed}')" in jenkins
