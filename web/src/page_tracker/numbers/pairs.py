"""Pairs that days count together: page and source, event and page."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from page_tracker.tracking.keys import TAB
from page_tracker.tracking.patterns import Pattern
from page_tracker.tracking.scores import sums_of_members
from page_tracker.tracking.tops import Ranking, steps_of

AT_ONCE = 5_000
"""Pairs that are read in one round trip: a few milliseconds of Redis."""


@dataclass(frozen=True)
class Half:
    """One name of a pair, or a pattern of names. The other may be any."""

    text: str
    is_first: bool
    is_pattern: bool = False

    def pair(self, other: str) -> str:
        """Return the pair with another name."""
        return TAB.join((self.text, other) if self.is_first else (other, self.text))

    def other(self, pair: str) -> str:
        """Return the other name of a pair."""
        return pair.partition(TAB)[2 if self.is_first else 0]

    def among(
        self, redis: Redis, keys: Sequence[str], others: Iterable[str]
    ) -> Counter[str]:
        """Return the pairs with one of some other names, in sorted sets of a site."""
        pairs = [self.pair(other) for other in others]
        sums = sums_of_members(redis, keys, pairs)
        return Counter({pair: views for pair, views in zip(pairs, sums) if views})

    def top(self, redis: Redis, keys: Sequence[str]) -> Ranking:
        """Return the pairs with this name in sorted sets of a site, highest first.

        All pairs are read. Redis would take ten times as long to look for a name in
        them, by `ZSCAN` or a script, and others would wait meanwhile.
        """
        pipeline: Any = redis.pipeline(transaction=False)
        for key in keys:
            pipeline.zcard(key)
        sums: dict[bytes, int] = {}
        start = self.text.partition("*")[0] if self.is_pattern else self.text
        is_with: Callable[[bytes, bytes], bool]
        if self.is_first:
            is_with, text = bytes.startswith, start if self.is_pattern else start + TAB
        else:
            is_with = bytes.__contains__ if self.is_pattern else bytes.endswith
            text = TAB + start
        part = text.encode()
        for step in steps_of(pipeline.execute(), AT_ONCE):
            for place, *ranks in step:
                # Not `zrange`: it makes a pair with a float of each score.
                pipeline.execute_command("ZRANGE", keys[place], *ranks, "WITHSCORES")
            for found in pipeline.execute():
                for place, pair in enumerate(found[::2]):
                    if is_with(pair, part):
                        sums[pair] = sums.get(pair, 0) + int(found[2 * place + 1])
        pairs = ((pair.decode(), views) for pair, views in sums.items())
        rows = [row for row in pairs if self._matches(row[0])]
        return Ranking(sorted(rows, key=lambda row: (-row[1], row[0])), len(rows))

    def _matches(self, pair: str) -> bool:
        first, tab, second = pair.partition(TAB)
        if not tab:  # pairs over the cap count under "(other)"
            return False
        name = first if self.is_first else second
        return Pattern(self.text, is_exact=not self.is_pattern).matches(name)
