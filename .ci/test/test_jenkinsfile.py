"""The Jenkinsfile, as .ci reads it and runs it: in Groovy, without Jenkins."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
JENKINS = ROOT / ".ci/rehearsals/jenkins"
JENKINSFILE = (ROOT / "Jenkinsfile").read_text("utf-8")

PASSWORD = "s3cret"  # pragma: allowlist secret

# A second each for Java's start, and many times that on a busy machine.
pytestmark = pytest.mark.timeout(120)

# What is put in the place of what, and why it is refused; and where, if not there.
FAULTS = """
agent any -> agent all -> agent needs a block: { … }
agent any -> when { branch 'main' } -> pipeline knows no when, it stands in stage
agent any -> when { branch 'main' } -> pipeline needs agent -> pipeline {
triggers { -> options { -> pipeline has a second options
agent any -> int tries = 3 -> this is none of what stands in pipeline: agent, env
stages { -> stagse { -> pipeline knows no stagse: did you mean stages?
stages { -> stagse { -> pipeline needs stages -> pipeline {
timestamps() -> timestamp() -> options knows no timestamp: did you mean timestamps?
timestamps() -> timestamps(true) -> timestamps takes arguments by name: it has none
time: 150 -> times: 150 -> timeout knows no argument times: did you mean time?
time: 150 -> times: 150 -> timeout needs time
time: 150 -> time: '150' -> time of timeout is a whole number
'MINUTES' -> 'MINUTE' -> unit of timeout is one of 'SECONDS', 'MINUTES', 'HOURS'
Str: '30' -> Str: 30 -> numToKeepStr of logRotator is a text
logRotator( -> logRotater( -> discarders knows no logRotater: did you mean logRot
string(name: 'PROJECT', -> string( -> string needs name
trim: true -> trim: 'yes' -> trim of string is true or false
stage('Smoke') -> stage('Image') -> a second stage has the name Image -> stage('Image')
stage('Smoke') -> stage(name: 'Smoke') -> stage needs a name first: stage('…')
stage('Smoke') -> steps -> stages knows no steps, it stands in stage
stage('Smoke') { -> stage('Smoke') { sh 'true' -> stage knows no sh, it stands in steps
sh 'make smoke' -> hs 'make smoke' -> steps knows no hs: did you mean sh?
sh 'make smoke' -> sh(scrip: 'true') -> sh knows no argument scrip: did you mean script?
sh 'make smoke' -> echo sh -> steps knows no echo, but archiveArtifacts, catchError
sh 'make smoke' -> if (1) { sh 'true' } -> this is none of what stands in steps: arch
sh 'make smoke' -> sh "${env.X}" -> script of sh is a text in '…', in which Groovy fill
sh 'make smoke' -> sh 'make smoke -> Unexpected character: '\\''
always { -> allways { -> post knows no allways: did you mean always?
junit ' -> junit testResult: ' -> junit knows no argument testResult: did you mean
'FAILURE', -> 'FAILED', -> buildResult of catchError is one of 'SUCCESS', 'UNSTABLE', '
branch 'main' -> brunch 'main' -> when knows no brunch: did you mean branch?
branch 'main' -> branch { 'main' } -> branch takes no block
"${params.REGISTRY}" -> params.REGISTRY -> REGISTRY is a text in quotes
REGISTRY = "${p -> sh "${p -> this is none of what stands in environment: NAME = 'text'
usernamePassword( -> userPassword( -> bindings knows no userPassword: did you mean user
passwordVariable: -> passVariable: -> usernamePassword knows no argument passVariab
keyFileVariable: -> keyVariable: -> sshUserPrivateKey knows no argument keyVariable: did
sshUserPrivateKey( -> sshUserKey( -> bindings knows no sshUserKey, but sshUserPrivateKey
timeout(time: 30 -> timeout(times: 30 -> timeout needs time
input(message: -> input(massage: -> input needs message
input(message: -> inputs(message: -> steps knows no inputs: did you mean input?
ok: 'Deploy' -> okay: 'Deploy' -> input knows no argument okay: did you mean ok?
expression { -> expresion { -> when knows no expresion: did you mean expression?
'NOT_BUILT' -> 'NOT_RUN' -> stageResult of catchError is one of 'SUCCESS', 'UNSTABLE', '
"""
EACH = [line.split(" -> ") for line in FAULTS.strip().splitlines()]

BUILD = """
pipeline {
    agent any
    options { skipDefaultCheckout() }
    parameters { string(name: 'TEAM', defaultValue: 'nobody') }
    environment { GREETING = "Hello, ${params.TEAM}" }
    stages {
        stage('Passes') {
            steps {
                sh 'echo "SAID=$GREETING" > said.env'
                withEnv(readFile('said.env').readLines()) {
                    sh 'test "$SAID" = "Hello, us"'
                }
                sh 'echo "<testsuite><testcase/></testsuite>" > good.xml'
                junit 'good.xml'
                archiveArtifacts 'said.*'
            }
            post { failure { sh 'echo "not reached"' } }
        }
        stage('Not wanted') {
            when { branch 'release/*' }
            steps { sh 'echo "not reached"' }
        }
        stage('Not by a timer') {
            when { not { triggeredBy 'TimerTrigger' } }
            steps { sh 'echo "not reached"' }
        }
        stage('Unstable') {
            steps {
                sh 'echo "<testsuite><testcase><error/></testcase></testsuite>" > b.xml'
                junit '*.xml'
            }
            post {
                unstable { sh 'echo it is unstable' }
                success { sh 'echo "not reached"' }
            }
        }
        stage('No report') {
            steps {
                catchError(stageResult: 'FAILURE') { junit 'nothing.xml' }
            }
        }
        stage('No artifact') {
            steps {
                catchError(stageResult: 'UNSTABLE') { archiveArtifacts 'nothing.*' }
            }
        }
        stage('Caught') {
            steps {
                catchError(buildResult: 'FAILURE', stageResult: 'FAILURE') {
                    sh 'echo "Nothing was looked at"; exit 75'
                }
            }
        }
        stage('Secret') {
            steps {
                withCredentials([usernamePassword(credentialsId: 'registry',
                    usernameVariable: 'USER', passwordVariable: 'PASSWORD')]) {
                    sh 'test "$PASSWORD" = s3cret; echo "$USER: $PASSWORD"'
                }
                sh 'test -z "$PASSWORD"'
            }
        }
        stage('Key') {
            steps {
                withCredentials([sshUserPrivateKey(credentialsId: 'server',
                    keyFileVariable: 'KEY')]) {
                    sh 'echo "The key is $KEY"; grep -q PRIVATE "$KEY"'
                }
            }
        }
        stage('Approved') {
            when { expression { params.TEAM == 'us' } }
            steps {
                timeout(time: 9) { input(message: 'Shall we?', ok: 'We do') }
            }
        }
        stage('Not asked') {
            when { expression { params.TEAM != 'us' } }
            steps { input 'not reached' }
        }
        stage('Fails') {
            steps {
                sh 'echo "This is why"; false; echo "not reached"'
            }
            post { always { sh 'echo cleaned up' } }
        }
        stage('After it') {
            steps { sh 'echo "not reached"' }
        }
    }
}
"""


def groovy(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script of ours with the tools of this environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [JENKINS / "groovy", JENKINS / script, *map(str, arguments)],
        env=os.environ | {"PATH": path},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=100,
    )


def line_of(part: str, text: str) -> int:
    """Return the number of the line in which a part of a text begins."""
    return text[: text.index(part)].count("\n") + 1


@pytest.fixture(name="refusals", scope="module")
def refusals_fixture(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Return for each fault what is said of a Jenkinsfile with it."""
    folder = tmp_path_factory.mktemp("faults")
    for number, (sound, broken, *_) in enumerate(EACH):
        assert sound in JENKINSFILE
        faulty = JENKINSFILE.replace(sound, broken, 1)
        (folder / f"{number}").write_text(faulty, "utf-8")
    files = [folder / f"{number}" for number in range(len(EACH))]
    said = groovy("Grammar.groovy", *files).stdout.splitlines()
    return [
        [line.removeprefix(f"{file}:") for line in said if line.startswith(f"{file}:")]
        for file in files
    ]


def test_should_run_nothing_but_make_and_the_login() -> None:
    # Given
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE)

    # When
    result = groovy("Grammar.groovy", ROOT / "Jenkinsfile")

    # Then
    assert result.returncode == 0, result.stdout + result.stderr
    steps = re.findall(r"^(.+?): make ([a-z0-9-]+)$", result.stdout, re.MULTILINE)
    assert steps == [
        ("Lint and test", "ci"),
        ("Smoke", "smoke"),
        ("Scan", "scan"),
        ("Binary", "binary"),
        ("Binary", "binary-test"),
        ("Image", "image"),
        ("End to end", "e2e-docker"),
        ("Scan image", "scan-image"),
        ("Publish", "publish"),
        ("Deploy", "deploy"),
    ]
    assert {target for _, target in steps} <= set(targets)
    others = [
        line
        for line in re.findall(r"^\w.*", result.stdout, re.MULTILINE)
        if ": make " not in line
    ]
    assert others == [
        f"{stage}: {step}"
        for stage in ("Publish", "Deploy")
        for step in ("set +x", 'docker logout "$REGISTRY"')
    ]


def test_should_deploy_with_the_parameters_that_the_manual_names() -> None:
    # Given
    manual = (ROOT / "docs/deploying.md").read_text("utf-8")
    (named,) = re.findall(r"\*\*Jenkins\*\* has (.*) as parameters", manual)
    pipeline = (ROOT / "Jenkinsfile").read_text("utf-8")

    # When
    deploying = pipeline.split("stage('Deploy')")[1].split("steps {")[0]

    # Then
    names = re.findall(r"`(\w+)`", named)
    assert set(names) <= set(re.findall(r"string\(name: '(\w+)'", pipeline))
    assert [*re.findall(r"(\w+) = ", deploying)] == ["REGISTRY", *names]


@pytest.mark.parametrize("number", range(len(EACH)), ids=lambda n: EACH[n][2])
def test_should_refuse_a_jenkinsfile_when_it_has_a_fault(
    number: int, refusals: list[list[str]]
) -> None:
    # Given
    sound, _, why, *where = EACH[number]

    # When
    said = refusals[number]

    # Then
    assert any(
        line.startswith(f"{line_of((where or [sound])[0], JENKINSFILE)}: {why}")
        for line in said
    ), said


def test_should_go_through_the_stages_as_jenkins_does(tmp_path: Path) -> None:
    # Given
    (tmp_path / "Jenkinsfile").write_text(BUILD, "utf-8")
    (tmp_path / "workspace").mkdir()
    settings: dict[str, Any] = {
        "jenkinsfile": f"{tmp_path}/Jenkinsfile",
        "workspace": f"{tmp_path}/workspace",
        "scm": {},
        "cause": "TimerTrigger",
        "parameters": {"TEAM": "us"},
        "credentials": {
            "registry": {"username": "ann", "password": PASSWORD},
            "server": {"keyFile": f"{tmp_path}/key"},
        },
        "approval": ["true"],
        "environment": {"PATH": os.environ["PATH"], "BRANCH_NAME": "main"},
        "stages": f"{tmp_path}/stages.json",
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings), "utf-8")
    (tmp_path / "key").write_text("PRIVATE", "utf-8")

    # When
    result = groovy("Build.groovy", tmp_path / "settings.json")

    # Then
    assert result.returncode == 1, result.stdout + result.stderr
    stages = json.loads((tmp_path / "stages.json").read_text("utf-8"))
    assert [(stage["name"], stage["result"], stage["why"]) for stage in stages] == [
        ("Passes", "SUCCESS", ""),
        ("Not wanted", "NOT_BUILT", "skipped due to when conditional"),
        ("Not by a timer", "NOT_BUILT", "skipped due to when conditional"),
        ("Unstable", "UNSTABLE", "1 of 2 tests failed"),
        ("No report", "FAILURE", "No test report files were found"),
        ("No artifact", "UNSTABLE", 'No artifacts found that match "nothing.*"'),
        ("Caught", "FAILURE", "script returned exit code 75"),
        ("Secret", "SUCCESS", ""),
        ("Key", "SUCCESS", ""),
        ("Approved", "SUCCESS", ""),
        ("Not asked", "NOT_BUILT", "skipped due to when conditional"),
        ("Fails", "FAILURE", "script returned exit code 1"),
        ("After it", "NOT_BUILT", "skipped due to earlier failure(s)"),
    ]
    assert "Nothing was looked at" in stages[6]["output"]
    assert "it is unstable" in result.stdout
    assert "ann: ****" in result.stdout
    assert "s3cret" not in result.stdout
    assert "The key is ****" in result.stdout
    assert "INPUT: Shall we?\nApproved, in place of a person" in result.stdout
    assert "cleaned up" in result.stdout
    assert "not reached" not in result.stdout
    assert result.stdout.endswith("Finished: FAILURE\n")


NOT_APPROVED = """
pipeline {
    agent any
    options { skipDefaultCheckout() }
    stages {
        stage('Approval') {
            steps {
                catchError(buildResult: 'SUCCESS', stageResult: 'NOT_BUILT') {
                    timeout(time: 1, unit: 'SECONDS') { input 'Shall we?' }
                    script { env.APPROVED = 'yes' }
                }
            }
        }
        stage('Deploy') {
            when { environment(name: 'APPROVED', value: 'yes') }
            steps { sh 'echo "not reached"' }
        }
    }
}
"""


@pytest.mark.parametrize(
    ("approval", "why"),
    [("false", "Rejected"), ("sleep 60", "Timeout has been exceeded")],
)
def test_should_be_green_without_deploying_when_nobody_approves(
    approval: str, why: str, tmp_path: Path
) -> None:
    # Given
    (tmp_path / "Jenkinsfile").write_text(NOT_APPROVED, "utf-8")
    settings: dict[str, Any] = {
        "jenkinsfile": f"{tmp_path}/Jenkinsfile",
        "workspace": f"{tmp_path}",
        "parameters": {},
        "approval": approval.split(),
        "environment": {"PATH": os.environ["PATH"]},
        "stages": f"{tmp_path}/stages.json",
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings), "utf-8")

    # When
    result = groovy("Build.groovy", tmp_path / "settings.json")

    # Then
    assert result.returncode == 0, result.stdout + result.stderr
    stages = json.loads((tmp_path / "stages.json").read_text("utf-8"))
    assert [(stage["name"], stage["result"], stage["why"]) for stage in stages] == [
        ("Approval", "NOT_BUILT", why),
        ("Deploy", "NOT_BUILT", "skipped due to when conditional"),
    ]
    assert "not reached" not in result.stdout
