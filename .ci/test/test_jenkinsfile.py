"""The Jenkinsfile checks out, calls make and keeps what it left, and nothing else."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
JENKINSFILE = (ROOT / "Jenkinsfile").read_text("utf-8")
CODE = re.sub(r"^ *//.*\n", "", JENKINSFILE, flags=re.MULTILINE)


def stage(name: str) -> str:
    """Return a stage with all that is in it."""
    indent, body = re.findall(
        rf"^( *)stage\('{name}'\) {{\n(.*?)^\1}}", CODE, re.MULTILINE | re.DOTALL
    )[0]
    assert isinstance(body, str), indent
    return body


def test_should_run_nothing_but_make_targets_that_exist() -> None:
    # Given
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE)

    # When
    commands = re.findall(r"\bsh\b *(.*)", CODE)

    # Then
    assert commands
    for command in commands:
        line = re.fullmatch(r"'make ([a-z0-9-]+)'", command)
        assert line and line[1] in targets, command


def test_should_close_every_block_and_text() -> None:
    # Then: the rest is Jenkins' own to say, before the first stage
    for opening, closing in ("{}", "()", "[]"):
        assert CODE.count(opening) == CODE.count(closing)
    assert all(line.count("'") % 2 == 0 for line in CODE.splitlines())


def test_should_hold_no_executor_when_it_waits_for_an_approval() -> None:
    # When
    approval, deploy = stage("Approval"), stage("Deploy")

    # Then
    assert re.match(r"pipeline {\n +agent none\n", CODE)
    assert "input(" in approval and "agent" not in approval
    assert "agent any" in deploy and "beforeAgent true" in deploy
    assert CODE.count("input(") == 1


def test_should_deploy_on_any_agent_what_was_published() -> None:
    # When
    publish, deploy = stage("Publish"), stage("Deploy")

    # Then
    assert "env.PUBLISHED = readFile('reports/published.env')" in publish
    assert "withEnv([env.PUBLISHED])" in deploy
    assert "readFile" not in deploy and "stash" not in deploy


def test_should_take_every_setting_from_the_job_or_its_environment() -> None:
    # When
    parameters = re.findall(
        r"(\w+)\(name: '(\w+)', defaultValue: (.*?)(?:, trim: true)?,$",
        CODE,
        re.MULTILINE,
    )

    # Then
    assert len(parameters) == len(re.findall(r"name: '[A-Z_]+', default", CODE))
    for kind, name, default in parameters:
        assert default == f"params.{name} ?: env.{name} ?: ''"
        assert kind == ("text" if name == "DEPLOY_KNOWN_HOSTS" else "string")


def test_should_leave_out_what_is_not_set() -> None:
    # Then
    assert "expression { env.REPOSITORIES ? true : false }" in stage("Publish")
    assert "env.PUBLISHED && env.DEPLOY_HOST" in stage("Approval")
    assert "environment(name: 'APPROVED', value: 'yes')" in stage("Deploy")


def test_should_go_on_when_a_scan_finds_something() -> None:
    # Then: it fails the build all the same
    for name in ("Scan", "Scan image"):
        assert "catchError(buildResult: 'FAILURE'" in stage(name)
