"""Finds the most frequent names of several days without reading all names of each day.

This is the algorithm of Cao and Wang, "Efficient Top-K Query Calculation in Distributed
Networks" (PODC 2004), with a day for each of their nodes. It has three phases:

1. Read the most frequent names of each day.
2. Ask every day for the exact count of each name that was found.
3. Stop if no other name can have a higher sum. Otherwise read deeper.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from redis import Redis

FIRST_DEPTH = 100
DEEPER = 10


def top_of(
    redis: Redis, keys: Sequence[str], most: int, depth: int = FIRST_DEPTH
) -> list[tuple[str, int]]:
    """Return the members with the highest sums over sorted sets, highest first.

    Members with the same sum are in alphabetical order. The answer is exact for every
    `depth`, the number of members of each set to read first.
    """
    while True:
        lists = _best(redis, keys, depth)
        full = [key for key, best in zip(keys, lists) if len(best) == depth]
        sums: Counter[str] = Counter()
        for best in lists:
            for member, score in best:
                sums[member] += score
        if full:
            sums = _sums(redis, keys, sums)
        # A member in no list has at most the last count of each list that was cut.
        unseen = sum(best[-1][1] for best in lists if len(best) == depth)
        ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:most]
        if not full or (len(ranked) == most and ranked[-1][1] > unseen):
            return ranked
        depth *= DEEPER


def _best(redis: Redis, keys: Sequence[str], depth: int) -> list[list[tuple[str, int]]]:
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.zrevrange(key, 0, depth - 1, withscores=True)
    return [
        [(member.decode(), int(score)) for member, score in best]
        for best in pipeline.execute()
    ]


def _sums(redis: Redis, keys: Sequence[str], members: Iterable[str]) -> Counter[str]:
    """Return the exact sum of each member."""
    asked = list(members)
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.zmscore(key, asked)
    sums: Counter[str] = Counter()
    for scores in pipeline.execute():
        for member, score in zip(asked, scores):
            sums[member] += int(score or 0)
    return sums
