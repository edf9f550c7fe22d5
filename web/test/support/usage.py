"""Types of the fixtures `command` and `count`."""

from typing import Protocol

from click.testing import Result


class Command(Protocol):
    """Runs page-tracker with some arguments, in the test's Redis."""

    def __call__(
        self, *arguments: str, answer: str | None = None, **environment: str
    ) -> Result: ...


class Count(Protocol):
    """Counts a view of example.org, some days ago, by one of many visitors."""

    def __call__(
        self, page: str, *, days_ago: float = 0, visitor: int = 1, **fields: str
    ) -> None: ...
