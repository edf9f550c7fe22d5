"""The commands of a page of the documents, in its order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from support import read


@dataclass(frozen=True)
class Block:
    """A block of commands, with the heading that it stands under."""

    heading: str
    commands: str
    """Lines for a shell."""


def blocks_of(page: str) -> Iterator[Block]:
    """Give the blocks of a page whose language is `console` or `sh`.

    In `console`, lines with a `$` are commands; the others show an output. The lines of
    an `ini` go into `.env`.
    """
    heading = ""
    parts = r"^#+ ([^\n]+)$|^ *```(\w*)\n(.*?)^ *```$"
    for found in re.finditer(parts, read(page), re.MULTILINE | re.DOTALL):
        title, language, text = found.groups()
        if title:
            heading = title
        elif language == "sh":
            yield Block(heading, text)
        elif language == "console":
            commands = re.findall(r"^ *\$ (.*\n(?:> .*\n)*)", text, re.MULTILINE)
            yield Block(heading, "".join(commands).replace("\n> ", "\n"))
        elif language == "ini":
            lines = "\n".join(line.strip() for line in text.splitlines())
            yield Block(heading, f"cat >>.env <<'END'\n{lines}\nEND\n")
