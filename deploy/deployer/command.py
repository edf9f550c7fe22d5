"""The command line of the deployer."""

import argparse
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from deployer import journal as journals
from deployer import traffic
from deployer.blue_green import Stack
from deployer.ending import WIDTH, Interruptions, RefusedError, Status, say, status_of
from deployer.engine import Version, checked, pull
from deployer.journal import Journal, short
from deployer.plan import Plan
from deployer.steps import Deployment, settle

ROOT = Path(__file__).parents[2]

LIVE = "live"
"""The running image; a deployment gives it the current settings and secrets."""

STATUSES = """\
status  0: visitors get the image     1: failed and rolled back
        2: refused: nothing changed   75: another deployment is running
        3: failed, and the rollback failed too: check the stack at once
        129, 130, 143: interrupted and rolled back"""


def main() -> int:
    """Run the command. If it fails, the last line of the output says why."""
    arguments = parser().parse_args()
    os.chdir(ROOT)  # where Compose finds its files, and .env
    interruptions = Interruptions()
    return status_of(lambda: do(arguments, interruptions))


def do(arguments: argparse.Namespace, interruptions: Interruptions) -> int:
    """Run the command that the arguments name."""
    if arguments.command == "history":
        stack = Stack()
        say(journals.read(stack.project, stack.live().image).table())
        return Status.KEPT
    plan = Plan.from_environment(is_rollback=arguments.command == "rollback")
    image = arguments.image if arguments.command == "deploy" else ""
    if arguments.command == "deploy" and image != LIVE:
        image = checked(image)
    stack = Stack()
    stack.check(live := stack.live())
    if image == LIVE:
        image = live.image
    with journals.locked(stack.project, live.image) as journal:
        return deploy(stack, journal, image, plan, interruptions)


def deploy(
    stack: Stack,
    journal: Journal,
    image: str,
    plan: Plan,
    interruptions: Interruptions,
) -> int:
    """Settle what a killed deployment left. Then deploy the image, or roll back."""
    killed = journal.history().unfinished()
    if killed and settle(stack, journal, killed) and not image:
        say("Done: rolled back the deployment that was killed, and nothing else.")
        return Status.KEPT
    before = stack.live()
    command = "deploy" if image else "rollback"
    if not image:
        image = image_before(journal, before)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    say(f"== {command} {short(image)} to {stack.project}: {name}")
    say(f"{'image':{WIDTH}} {pull(image)}; visitors get {short(before.image)}")
    journal.write(
        name,
        by=journals.whoami(),
        command=command,
        image=image,
        before=vars(before),
    )
    return Deployment(stack, journal, name, before, interruptions).run(image, plan)


def image_before(journal: Journal, live: Version) -> str:
    """Return the image to roll back to. Raises RefusedError if there is none."""
    if image := journal.history().kept_before(live.image):
        return image
    raise RefusedError(
        f"The history has no image before {short(live.image)}: name one, with"
        " make deploy IMAGE=name@sha256:…"
    )


def parser() -> argparse.ArgumentParser:
    settings = "settings in the environment:\n" + Plan.explanation()
    top = argparse.ArgumentParser(
        description="Deploy an image, roll back, or show the history.",
        epilog=f"{settings}\n\n{traffic.RULE}\n\n{STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("deploy", help="give an image to all visitors")
    one.add_argument(
        "image",
        help="name@sha256:…, the id of an image on the engine, or live: the running one"
        " again, with the current settings and secrets",
    )
    commands.add_parser("rollback", help="return to the image that was live before")
    commands.add_parser("history", help="show the last deployments")
    return top
