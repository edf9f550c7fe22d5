"""The experiment on the look of the counter page: its flag, and what counts it.

A site that the operator registers for it has a page for each look that was shown, and
one for each look with which a visitor went on to `/embed`.
"""

from typing import NamedTuple

from page_tracker.experiments.flag_file import Flag, FlagFile, FlagsError
from page_tracker.tracking.canonical import checked_site

FLAG = "look"
SITE = "site"

USUAL = "tiles"
LOOKS = (USUAL, "plain")


def shown_page(look: str) -> str:
    """Return the page that has a visit for each visitor who was shown a look."""
    return f"/look/{look}"


def went_on_page(look: str) -> str:
    """Return the page that has a visit for each of them who went on to `/embed`."""
    return f"/look/{look}/embed"


class Experiment(NamedTuple):
    """The site that counts it, and the weight that each look has."""

    site: str
    shares: dict[str, int]


def experiment_of(file: FlagFile) -> Experiment | None:
    """Return the experiment of a file: none where no site counts one.

    The shares of one that is over, or has not begun, are empty.
    """
    flag = file.flags.get(FLAG)
    if not flag or SITE not in flag.metadata:
        return None
    return Experiment(checked_site(flag.metadata[SITE]), _shares(flag))


def check_flags(file: FlagFile) -> None:
    """Refuse flags that Page Tracker can not follow. Raises FlagsError."""
    for name, flag in file.flags.items():
        if name != FLAG:
            raise FlagsError(f"flags.{name}: there is no such flag; there is {FLAG!r}")
        _check_look(flag)


def _check_look(flag: Flag) -> None:
    for variant, value in flag.variants.items():
        if value not in LOOKS:
            looks = " or ".join(LOOKS)
            raise FlagsError(
                f"flags.{FLAG}.variants.{variant} is {value!r}: use {looks}"
            )
    where = f"flags.{FLAG}.metadata.{SITE}"
    if SITE in flag.metadata:
        try:
            checked_site(flag.metadata[SITE])
        except ValueError as error:
            raise FlagsError(f"{where}: {error}") from None
    elif _shares(flag):
        raise FlagsError(
            f"{where} is missing; name the site, registered for this, that counts who "
            "is shown which look"
        )


def _shares(flag: Flag) -> dict[str, int]:
    """Return the weight of each look that visitors get; nothing where all get one."""
    shares: dict[str, int] = {}
    for variant, weight in flag.shares.items():
        if weight and flag.state == "ENABLED":
            look = str(flag.variants[variant])
            shares[look] = shares.get(look, 0) + weight
    return shares if len(shares) > 1 else {}
