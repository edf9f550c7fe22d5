"""What tests of a production need besides a stack."""

from dataclasses import dataclass

from support import Done
from support.stack import Stack

PRODUCTION = ("--file", "docker-compose.yml", "--file", "deploy/production.yml")


@dataclass
class Switched:
    """What became of a stack: what was counted before, and what was refused."""

    production: Stack
    views: int
    views_of_page: int
    refused: list[Done]
