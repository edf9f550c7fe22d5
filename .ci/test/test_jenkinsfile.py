"""The Jenkinsfile holds no executor while it waits, and nobody has to edit it."""

import re

from support import read

CODE = re.sub(r"^ *//.*\n", "", read("Jenkinsfile"), flags=re.MULTILINE)


def stage(name: str) -> str:
    """Return a stage with all that is in it."""
    _, body = re.findall(
        rf"^( *)stage\('{name}'\) {{\n(.*?)^\1}}", CODE, re.MULTILINE | re.DOTALL
    )[0]
    return str(body)


def test_should_close_every_block_and_string() -> None:
    # Then: Jenkins itself checks the rest, before the first stage
    for opening, closing in ("{}", "()", "[]"):
        assert CODE.count(opening) == CODE.count(closing)
    assert all(line.count("'") % 2 == 0 for line in CODE.splitlines())


def test_should_hold_no_executor_when_it_waits_for_an_approval() -> None:
    # When
    approval, deploy = stage("Approval"), stage("Deploy")

    # Then: the agent that deploys needs no file of another agent
    assert re.match(r"pipeline {\n +agent none\n", CODE)
    assert "input(" in approval and "agent" not in approval
    assert "agent any" in deploy and "beforeAgent true" in deploy
    assert "withEnv([env.PUBLISHED])" in deploy and "readFile" not in deploy
    assert CODE.count("input(") == 1


def test_should_take_every_setting_from_the_job_or_its_environment() -> None:
    # When
    parameters = re.findall(
        r"(\w+)\(name: '(\w+)', defaultValue: (.*?)(?:, trim: true)?,$", CODE, re.M
    )

    # Then: known hosts have several lines
    assert len(parameters) == CODE.count("defaultValue:")
    for kind, name, default in parameters:
        assert default == f"params.{name} ?: env.{name} ?: ''"
        assert kind == ("text" if name == "DEPLOY_KNOWN_HOSTS" else "string")


def test_should_skip_what_is_not_set_and_go_on_when_a_scan_finds_something() -> None:
    # Then: a finding still fails the build
    assert "expression { env.REPOSITORIES ? true : false }" in stage("Publish")
    assert "env.PUBLISHED && env.DEPLOY_HOST" in stage("Approval")
    assert "environment(name: 'APPROVED', value: 'yes')" in stage("Deploy")
    for name in ("Scan", "Scan image"):
        assert "catchError(buildResult: 'FAILURE'" in stage(name)
