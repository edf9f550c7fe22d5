"""The command: what it takes, and what it ends with."""

import argparse
import secrets
from datetime import UTC, datetime

from deployment import journal as journals
from deployment import traffic
from deployment.blue_green import BlueGreen
from deployment.ending import status_of
from deployment.errors import RefusedError, Status
from deployment.history import short
from deployment.images import checked, pull
from deployment.interruption import Interruptions
from deployment.journal import Journal
from deployment.output import WIDTH, say
from deployment.plan import Plan
from deployment.rolling import Rolling
from deployment.steps import Deployment, settle
from deployment.strategy import Strategy, Version

STRATEGIES: dict[str, type[Strategy]] = {
    "blue-green": BlueGreen,
    "rolling": Rolling,
}

STATUSES = """\
status  0: the image is kept     1: it failed, and visitors have the version before
        2: refused, nothing was touched           75: another deployment is on its way
        3: it failed, and could not go back: look at it
        129, 130, 143: interrupted, and visitors have the version before"""


def main() -> int:
    """Do what was asked for; the last line says why it was not done."""
    arguments = parser().parse_args()
    interruptions = Interruptions()
    strategy = STRATEGIES[arguments.strategy]
    return status_of(lambda: do(arguments, strategy(), interruptions))


def do(
    arguments: argparse.Namespace, strategy: Strategy, interruptions: Interruptions
) -> int:
    """Do what was asked for with a strategy."""
    if arguments.command == "history":
        say(journals.read(strategy.project, strategy.live().image).table())
        return Status.KEPT
    plan = Plan.from_environment()
    image = checked(arguments.image) if arguments.command == "deploy" else ""
    with journals.locked(strategy.project, strategy.live().image) as journal:
        return release(strategy, journal, image, plan, interruptions)


def release(
    strategy: Strategy,
    journal: Journal,
    image: str,
    plan: Plan,
    interruptions: Interruptions,
) -> int:
    """Settle what was left, then deploy the image, or without one go back to one."""
    left = journal.history().left()
    if left and settle(strategy, journal, left) and not image:
        say("Kept: to go back from what was not brought to an end was the rollback.")
        return Status.KEPT
    before = strategy.live()
    command = "deploy" if image else "rollback"
    if not image:
        image = image_before(journal, before)
        plan = plan.of_rollback()
    plan = strategy.check(image, plan)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    say(f"== {command} {short(image)} to {strategy.project} ({strategy.name}): {name}")
    say(f"{'image':{WIDTH}} {pull(image)}; visitors have {short(before.image)}")
    journal.write(
        name,
        by=journals.whoami(),
        command=command,
        strategy=strategy.name,
        image=image,
        before=vars(before),
    )
    return Deployment(strategy, journal, name, before, interruptions).run(image, plan)


def image_before(journal: Journal, live: Version) -> str:
    """Return the image to go back to. Raises RefusedError when there is none."""
    if image := journal.history().kept_before(live.image):
        return image
    raise RefusedError(
        f"The history has nothing from before {short(live.image)}: name the image, with"
        " make deploy IMAGE=name@sha256:…"
    )


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments."""
    settings = "from the environment:\n" + Plan.explanation()
    top = argparse.ArgumentParser(
        description="Deploy an image, go back to the one before, or show the history.",
        epilog=f"{settings}\n\n{traffic.RULE}\n\n{STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "--strategy", choices=sorted(STRATEGIES), default="blue-green", help="which way"
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    deploy = commands.add_parser("deploy", help="bring an image to all visitors")
    deploy.add_argument("image", help="name@sha256:…, or sha256:… that the engine has")
    commands.add_parser("rollback", help="bring back the image that was kept before")
    commands.add_parser("history", help="show what was deployed when")
    return top
