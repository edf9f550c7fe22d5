"""page-tracker users: add, list and remove those who may sign in."""

import sys
from datetime import UTC, datetime

import click

from page_tracker.accounts.errors import marked
from page_tracker.accounts.passwords import LONGEST
from page_tracker.accounts.setup import LIFETIME, new_setup_token, setup_address
from page_tracker.accounts.users import (
    User,
    add_user,
    checked_name,
    get_user,
    list_users,
    remove_user,
    set_password,
)
from page_tracker.commands.completion import complete_site, user_argument
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import (
    add_row,
    json_option,
    make_console,
    make_table,
    print_json,
    say,
)


@click.group()
def users() -> None:
    """Add, list and remove those who may sign in to the dashboard.

    A password is asked for, or read from the standard input.

    \b
    Examples:
      page-tracker users add anna --owner
      page-tracker users add ben --site example.org
    """


@users.command()
@click.argument("name")
@click.option("--owner", is_flag=True, help="The user sees and changes everything.")
@click.option(
    "--site",
    "sites",
    metavar="SITE",
    multiple=True,
    shell_complete=complete_site,
    help="A site that a viewer sees; repeat it for each site.",
)
def add(name: str, owner: bool, sites: tuple[str, ...]) -> None:
    """Add the user NAME, and ask for a password.

    Without --owner, the user is a viewer, who sees the numbers of some sites.
    """
    if owner and sites:
        raise click.UsageError("An owner has all sites: use either --owner or --site.")
    with open_counts(create=True) as counts:
        checked_name(name)
        names = [counts.sites.get(site).name for site in sites]
        role = "owner" if owner else "viewer"
        user = add_user(counts.redis, name, ask_for_password(), role, names)
        counts.note(marked("added the user"), user.name, in_words(user))
        say(f"Added {user.name}: {in_words(user)}.")
        if not owner and not names:
            say("This viewer sees no site yet: an owner can choose some on /users.")


@users.command("list")
@json_option
def list_all(as_json: bool) -> None:
    """List the users."""
    with open_counts() as counts:
        found = list_users(counts.redis)
    if as_json:
        print_json(
            [
                {
                    "name": user.name,
                    "role": user.role,
                    "sites": None if user.role == "owner" else sorted(user.sites),
                    "since": iso(user.since),
                }
                for user in found
            ]
        )
    elif not found:
        click.echo("There is no user. Get a link for the first owner:")
        click.echo("  page-tracker users setup-link")
    else:
        table = make_table("name", "role", "since", "sites", folds="sites")
        for user in found:
            sites = "all" if user.role == "owner" else " ".join(sorted(user.sites))
            add_row(table, user.name, user.role, iso(user.since)[:10], sites or "none")
        make_console().print(table)


@users.command()
@user_argument
def passwd(name: str) -> None:
    """Set the password of the user NAME, who is signed out everywhere."""
    with open_counts() as counts:
        user = get_user(counts.redis, name)
        set_password(counts.redis, user.name, ask_for_password())
        counts.note(marked("set the password of the user"), user.name)
        say(f"Set the password of {user.name}, who is signed out everywhere.")


@users.command()
@user_argument
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def remove(name: str, yes: bool) -> None:
    """Remove the user NAME, who is signed out everywhere."""
    with open_counts() as counts:
        user = get_user(counts.redis, name)
        if not yes:
            click.confirm(f"Remove {user.name}?", abort=True)
        remove_user(counts.redis, user.name)
        counts.note(marked("removed the user"), user.name)
        say(f"Removed {user.name}.")


@users.command("setup-link")
def setup_link() -> None:
    """Print a link with which the first owner signs up.

    It works once, for an hour. The start of a server prints one too, while there is no
    user.
    """
    with open_counts(create=True) as counts:
        token = new_setup_token(counts.redis)
        if not token:
            raise click.ClickException(
                "There are users already. Add another one with: page-tracker users add"
            )
        click.echo(link_of(counts, token))
        minutes = LIFETIME // 60
        click.echo(f"The link works once, for {minutes} minutes.", err=True)


def link_of(counts: Counts, token: str) -> str:
    """Return the link of a setup token, for the server of these counts."""
    return setup_address(counts.settings.url, counts.settings.bind, token)


def ask_for_password() -> str:
    """Ask for a password twice; or read a line that another program sends."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(LONGEST + 2).rstrip("\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def in_words(user: User) -> str:
    """Return the role of a user, and the sites of a viewer."""
    if user.role == "owner" or not user.sites:
        return user.role
    return f"{user.role} of {', '.join(sorted(user.sites))}"


def iso(seconds: int) -> str:
    """Return a time, given in seconds since 1970, as RFC 3339 has it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
