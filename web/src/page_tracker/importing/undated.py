"""Turns sums of pages, of no known day, into steps: only what is not in yet is added.

The other counter may still run. So the markers hold what is in, by page, and an import
that runs again adds the difference. Pages share markers in groups: a site may have more
pages than a hash of Redis should have fields.

Views of pages that nobody could name count under `(other)`. When a later import knows
the names of some, their views move: the step that adds a page takes them from there.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from page_tracker.importing.models import Step, Steps
from page_tracker.importing.running import Import
from page_tracker.tracking.keys import OTHER

GROUPS = 256

BYTES_OF_PAGE = 6
"""Bytes of the hash that stands for a page in a marker."""


class Sums(NamedTuple):
    """Views and unique views."""

    views: int = 0
    uniques: int = 0

    def plus(self, other: "Sums") -> "Sums":
        """Return the sum of both."""
        return Sums(self.views + other.views, self.uniques + other.uniques)

    def minus(self, other: "Sums") -> "Sums":
        """Return the difference, which may be negative."""
        return Sums(self.views - other.views, self.uniques - other.uniques)

    def above(self, other: "Sums") -> "Sums":
        """Return by how much these are larger, and 0 where they are not."""
        return Sums(*(max(0, number) for number in self.minus(other)))

    def at_most(self, other: "Sums") -> "Sums":
        """Return the smaller one of each number."""
        return Sums(*map(min, self, other))

    def at_least(self, other: "Sums") -> "Sums":
        """Return the larger one of each number."""
        return Sums(*map(max, self, other))


@dataclass
class Undated:
    """The sums of a site in another counter, of no known day."""

    site_views: int
    pages: dict[str, Sums] = field(default_factory=dict)
    """By page in its canonical form."""
    uniques_of_others: int = 0
    """Unique views of pages without a known name."""
    visitors: int = 0


def undated_steps(importing: Import, kind: str, undated: Undated) -> Steps:
    """Yield the steps that bring a site to these sums. No number of a page shrinks."""
    groups = [_Group(importing, f"{kind}\npages {n}") for n in range(GROUPS)]
    for page, sums in undated.pages.items():
        groups[_hash(page)[0] % GROUPS].set(page, sums)
    others = _Others(importing, f"{kind}\nsite")
    named = sum(group.views for group in groups)
    target = Sums(max(0, undated.site_views - named), undated.uniques_of_others)
    target = Sums(target.views, min(target))
    known = others.known
    for group in groups:
        known = known.plus(group.others)
    left = known.above(target)
    for group in groups:
        taken = group.growth.at_most(left)
        left = left.minus(taken)
        known = known.minus(taken)
        if step := group.step(taken):
            yield step
    importing.tally.known += sum(group.unchanged for group in groups)
    if step := others.step(target.above(known), undated.visitors):
        yield step


class _Group:
    """Some pages of a site: what is in of them, and what will be."""

    def __init__(self, importing: Import, marker: str) -> None:
        self._marker = marker
        self._value = importing.marker(marker)
        self._known = _read(self._value)
        self.others = self._known.pop(OTHER, Sums())
        """Sums that the group added to `(other)`; negative for what it took from it."""
        self._new = dict(self._known)
        self._added: dict[str, Sums] = {}
        self.unchanged = 0

    def set(self, page: str, sums: Sums) -> None:
        """Set what the source has of a page."""
        name = _hash(page).hex()
        known = self._known.get(name, Sums())
        new = known.at_least(Sums(sums.views, min(sums)))
        if new == known:
            self.unchanged += 1
            return
        self._new[name] = new
        self._added[page] = new.minus(known)

    @property
    def views(self) -> int:
        """Return the views that its pages will have."""
        return sum(sums.views for sums in self._new.values())

    @property
    def growth(self) -> Sums:
        """Return by how much its pages grow."""
        growth = Sums()
        for sums in self._added.values():
            growth = growth.plus(sums)
        return growth

    def step(self, taken: Sums) -> Step | None:
        """Return the step that adds what is new, and takes some from `(other)`."""
        if not self._added:
            return None
        pages: dict[str, tuple[int, int]] = dict(self._added)
        if any(taken):
            pages[OTHER] = Sums().minus(taken)
        after = _written({**self._new, OTHER: self.others.minus(taken)})
        return Step(self._marker, after, self._value, pages=pages)


class _Others:
    """The imported sums of pages without a known name, and of the site's visitors."""

    def __init__(self, importing: Import, marker: str) -> None:
        self._marker = marker
        self._value = importing.marker(marker)
        found = _read(self._value)
        self.known = found.get(OTHER, Sums())
        self._visitors = found.get("visitors", Sums()).views

    def step(self, added: Sums, visitors: int) -> Step | None:
        """Return the step that adds what is new."""
        new = max(0, visitors - self._visitors)
        if not new and not any(added):
            return None
        after = _written(
            {
                OTHER: self.known.plus(added),
                "visitors": Sums(self._visitors + new),
            }
        )
        pages: dict[str, tuple[int, int]] = {OTHER: added} if any(added) else {}
        return Step(self._marker, after, self._value, pages=pages, visitors=new)


def _hash(page: str) -> bytes:
    return blake2b(page.encode(), digest_size=BYTES_OF_PAGE).digest()


def _read(value: str) -> dict[str, Sums]:
    found = {}
    for entry in value.split():
        name, views, uniques = entry.split(":")
        found[name] = Sums(int(views), int(uniques))
    return found


def _written(sums: dict[str, Sums]) -> str:
    return " ".join(
        f"{name}:{views}:{uniques}" for name, (views, uniques) in sorted(sums.items())
    )
