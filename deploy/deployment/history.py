"""What was deployed when, as the lines of the history say."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from deployment.strategy import Version

KEPT = "kept"
WENT_BACK = "went back"


@dataclass
class Record:  # pylint: disable=too-many-instance-attributes  # a row of a table
    """One deployment or rollback, as far as it came."""

    deployment: str
    began: str
    by: str
    command: str
    strategy: str
    image: str
    before: Version
    step: str = ""
    outcome: str = ""
    reason: str = ""
    last: str = ""
    """The time of its last line."""

    @property
    def seconds(self) -> float:
        """Return how long it took, up to its last line."""
        begin, end = map(datetime.fromisoformat, (self.began, self.last))
        return (end - begin).total_seconds()


@dataclass
class History:
    """All deployments of a stack, oldest first."""

    records: list[Record] = field(default_factory=list)

    @classmethod
    def of(cls, lines: str) -> Self:
        """Return what the lines tell. One that was cut in the writing tells nothing."""
        records: dict[str, Record] = {}
        for line in lines.splitlines():
            try:
                entry: dict[str, Any] = json.loads(line)
                _tell(records, entry)
            except (ValueError, KeyError, TypeError):
                continue
        return cls(list(records.values()))

    def last(self) -> Record | None:
        """Return the last deployment, however it ended."""
        return self.records[-1] if self.records else None

    def left(self) -> Record | None:
        """Return the last deployment if it was killed before it came to an end."""
        last = self.last()
        return last if last and not last.outcome else None

    def kept_before(self, live: str) -> str | None:
        """Return the image to go back to from the one that is live.

        Every deployment that was kept lies on the one before it, and a rollback takes
        the uppermost away: two in a row go back by two.
        """
        images: list[str] = []
        for record in self.records:
            if record.outcome != KEPT:
                continue
            if not images:
                images.append(record.before.image)
            if record.command == "rollback":
                images = images[:-1] or [record.image]
            if images[-1] != record.image:
                images.append(record.image)
        while images and images[-1] == live:
            images.pop()
        return images[-1] if images else None

    def table(self, most: int = 20) -> str:
        """Return the last deployments as a table, the newest last."""
        head = (
            "when",
            "by",
            "what",
            "image",
            "strategy",
            "outcome",
            "at",
            "took",
            "why",
        )
        rows = [head, *(_row(record) for record in self.records[-most:])]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in rows
        )


def _tell(records: dict[str, Record], entry: dict[str, Any]) -> None:
    """Add what a line says to the records."""
    name = entry["deployment"]
    if name not in records:
        records[name] = Record(
            deployment=name,
            began=entry["time"],
            by=entry["by"],
            command=entry["command"],
            strategy=entry["strategy"],
            image=entry["image"],
            before=Version(**entry["before"]),
        )
    record = records[name]
    record.last = entry["time"]
    record.step = entry.get("step", record.step)
    record.outcome = entry.get("outcome", record.outcome)
    record.reason = entry.get("reason", record.reason)


def _row(record: Record) -> tuple[str, ...]:
    return (
        record.began.replace("T", " ").removesuffix("+00:00"),
        record.by,
        record.command,
        short(record.image),
        record.strategy,
        record.outcome or "not ended",
        record.step,
        f"{record.seconds:.0f} s",
        record.reason,
    )


def short(image: str) -> str:
    """Return an image's name with as much of its digest as people compare."""
    name, _, digest = image.rpartition("sha256:")
    return f"{name}sha256:{digest[:12]}"
