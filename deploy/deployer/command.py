"""The command: what it takes, and what it does."""

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

STATUSES = """\
status  0: the image is kept     1: it failed, and visitors have the version before
        2: refused, nothing was touched           75: another deployment is under way
        3: it failed, and could not go back: look at it
        129, 130, 143: interrupted, and visitors have the version before"""


def main() -> int:
    """Do what was asked for; the last line says why it was not done."""
    arguments = parser().parse_args()
    os.chdir(ROOT)  # where Compose finds its files, and .env
    interruptions = Interruptions()
    return status_of(lambda: do(arguments, interruptions))


def do(arguments: argparse.Namespace, interruptions: Interruptions) -> int:
    """Do what was asked for."""
    if arguments.command == "history":
        stack = Stack()
        say(journals.read(stack.project, stack.live().image).table())
        return Status.KEPT
    plan = Plan.from_environment(is_rollback=arguments.command == "rollback")
    image = checked(arguments.image) if arguments.command == "deploy" else ""
    stack = Stack()
    stack.check(live := stack.live())
    with journals.locked(stack.project, live.image) as journal:
        return deploy(stack, journal, image, plan, interruptions)


def deploy(
    stack: Stack,
    journal: Journal,
    image: str,
    plan: Plan,
    interruptions: Interruptions,
) -> int:
    """Settle what was left, then deploy the image, or without one go back to one."""
    left = journal.history().left()
    if left and settle(stack, journal, left) and not image:
        say("Done: rolled back the deployment that was killed, and nothing else.")
        return Status.KEPT
    before = stack.live()
    command = "deploy" if image else "rollback"
    if not image:
        image = image_before(journal, before)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    say(f"== {command} {short(image)} to {stack.project}: {name}")
    say(f"{'image':{WIDTH}} {pull(image)}; visitors have {short(before.image)}")
    journal.write(
        name,
        by=journals.whoami(),
        command=command,
        image=image,
        before=vars(before),
    )
    return Deployment(stack, journal, name, before, interruptions).run(image, plan)


def image_before(journal: Journal, live: Version) -> str:
    """Return the image to go back to. Raises RefusedError when there is none."""
    if image := journal.history().kept_before(live.image):
        return image
    raise RefusedError(
        f"The history has nothing from before {short(live.image)}: name the image, with"
        " make deploy IMAGE=name@sha256:…"
    )


def parser() -> argparse.ArgumentParser:
    settings = "from the environment:\n" + Plan.explanation()
    top = argparse.ArgumentParser(
        description="Deploy an image, go back to the one before, or show the history.",
        epilog=f"{settings}\n\n{traffic.RULE}\n\n{STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("deploy", help="bring an image to all visitors")
    one.add_argument("image", help="name@sha256:…, or sha256:… that the engine has")
    commands.add_parser("rollback", help="bring back the image that was kept before")
    commands.add_parser("history", help="show what was deployed when")
    return top
