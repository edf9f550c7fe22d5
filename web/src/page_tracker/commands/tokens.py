"""page-tracker tokens: add, list and revoke the tokens of programs."""

import click

from page_tracker.accounts.access import Scope
from page_tracker.accounts.errors import AccountError, marked
from page_tracker.accounts.tokens import (
    Token,
    add_token,
    list_tokens,
    revoke_token,
)
from page_tracker.commands.completion import complete_site, complete_token
from page_tracker.commands.opening import open_counts
from page_tracker.commands.output import (
    add_row,
    json_option,
    make_console,
    make_table,
    print_json,
    say,
)
from page_tracker.commands.users import iso


@click.group()
def tokens() -> None:
    """Add, list and revoke the tokens of programs.

    \b
    Examples:
      page-tracker tokens add backup --scope read
      page-tracker tokens add shop --scope send --site shop.example.org
    """


@tokens.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([str(scope) for scope in Scope]),
    help="What the token may do: send views, read numbers, or manage sites; repeat it.",
)
@click.option(
    "--site",
    "sites",
    metavar="SITE",
    multiple=True,
    shell_complete=complete_site,
    help="A site that the token is for; repeat it for each site. [default: all sites]",
)
def add(name: str, scopes: tuple[str, ...], sites: tuple[str, ...]) -> None:
    """Add a token for the program NAME, and print it once.

    Programs send it in the header "Authorization: Bearer".
    """
    with open_counts(create=True) as counts:
        names = [counts.sites.get(site).name for site in sites] if sites else None
        secret = add_token(counts.redis, name, scopes, names)
        where = ", ".join(names) if names else "all sites"
        counts.note(
            marked("added the token"), name.strip(), f"{', '.join(scopes)}: {where}"
        )
        click.echo(secret)
        click.echo("Copy the token now: it is not shown again.", err=True)


@tokens.command("list")
@json_option
def list_all(as_json: bool) -> None:
    """List the tokens, without their secrets."""
    with open_counts() as counts:
        found = list_tokens(counts.redis)
    if as_json:
        print_json([as_document(token) for token in found])
    elif not found:
        click.echo("There is no token. Add one: page-tracker tokens add NAME")
    else:
        table = make_table(
            "name", "scopes", "since", "last used (UTC)", "sites", folds="sites"
        )
        for token in found:
            add_row(
                table,
                token.name,
                " ".join(sorted(token.scopes)),
                iso(token.since)[:10],
                iso(token.used)[:16].replace("T", " ") if token.used else "never",
                "all" if token.sites is None else " ".join(sorted(token.sites)),
            )
        make_console().print(table)


@tokens.command()
@click.argument("name", shell_complete=complete_token)
def revoke(name: str) -> None:
    """Revoke the token NAME. Within seconds, it is refused."""
    with open_counts() as counts:
        if not revoke_token(counts.redis, name):
            raise AccountError("name", "There is no token %(name)s", name=name)
        counts.note(marked("revoked the token"), name)
        say(f"Revoked {name}.")


def as_document(token: Token) -> dict[str, object]:
    """Return a token for JSON."""
    return {
        "name": token.name,
        "scopes": sorted(token.scopes),
        "sites": None if token.sites is None else sorted(token.sites),
        "since": iso(token.since),
        "used": iso(token.used) if token.used else None,
    }
