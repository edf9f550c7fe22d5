"""The numbers of some names in many sorted sets, without reading the sets."""

from collections.abc import Iterator, Sequence
from typing import Any

from redis import Redis

SCORES = """#!lua flags=no-writes
-- Returns the score of each member in each sorted set, set by set; or the sum of all
-- members of each set ("set"), or the sum of each member in all sets ("member").
-- KEYS[1] is the prefix of the site's keys: record.lua explains why. The arguments are
-- "each", "set" or "member", the number of members, the members, and the sets.
local what, number = ARGV[1], tonumber(ARGV[2])
local members, found, sums = {unpack(ARGV, 3, number + 2)}, {}, {}
for set = 1, #ARGV - number - 2 do
  local scores = redis.call('ZMSCORE', ARGV[number + 2 + set], unpack(members))
  for place = 1, number do
    local score = scores[place] or '0'
    if what == 'each' then
      table.insert(found, score)
    else
      local of = what == 'set' and set or place
      sums[of] = (sums[of] or 0) + score
    end
  end
end
for of, sum in ipairs(sums) do
  found[of] = string.format('%.0f', sum)
end
return found
"""

AT_ONCE = 4_000
"""Scores that one command reads: a few milliseconds of Redis."""

MEMBERS_AT_ONCE, SETS_AT_ONCE = 200, 20


def scores_of(
    redis: Redis, keys: Sequence[str], members: Sequence[str]
) -> list[list[int]]:
    """Return for each sorted set of a site the score of each member, 0 for none."""
    rows: list[list[int]] = [[] for _ in keys]
    for some in _chunks(members):
        number = len(some)
        found = _ask(redis, "each", keys, some)
        for row, start in zip(rows, range(0, number * len(keys), number)):
            row.extend(found[start : start + number])
    return rows


def sums_of_sets(
    redis: Redis, keys: Sequence[str], members: Sequence[str]
) -> list[int]:
    """Return for each sorted set of a site the sum of some members."""
    sums = [0] * len(keys)
    for some in _chunks(members):
        found = _ask(redis, "set", keys, some)
        sums = [sum(pair) for pair in zip(sums, found)]
    return sums


def sums_of_members(
    redis: Redis, keys: Sequence[str], members: Sequence[str]
) -> list[int]:
    """Return for each member its sum in some sorted sets of a site."""
    sums: list[int] = []
    for some in _chunks(members):
        whole = [0] * len(some)
        for start in range(0, len(keys), SETS_AT_ONCE):
            found = _ask(redis, "member", keys[start : start + SETS_AT_ONCE], some)
            whole = [sum(pair) for pair in zip(whole, found)]
        sums += whole
    return sums


def prefix_of(key: str) -> str:
    """Return the prefix of the keys of the site of a key."""
    return key[: key.index("}") + 2]


def _chunks(members: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(members), MEMBERS_AT_ONCE):
        yield members[start : start + MEMBERS_AT_ONCE]


def _ask(
    redis: Redis, what: str, keys: Sequence[str], members: Sequence[str]
) -> list[int]:
    """Ask in several round trips, so that Redis serves others between them."""
    found: list[int] = []
    sets = len(keys) if what == "member" else max(1, AT_ONCE // len(members))
    for start in range(0, len(keys), sets):
        some = keys[start : start + sets]
        answer: Any = redis.eval(
            *(SCORES, 1, prefix_of(keys[0]), what, len(members)), *members, *some
        )
        found.extend(map(int, answer))
    return found
