"""The limit of sign-ins: after wrong passwords, the next one has to wait.

Addresses and names are not stored. Each falls into one of many groups, by a hash with
the secret: so few groups that, even with the secret, a group does not name an address.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import NamedTuple, Self, cast

from redis import Redis

from page_tracker.tracking.keys import HOUR, attempts_key
from page_tracker.tracking.visitor import GROUPS, networks_of

GROUPS_OF_NAMES = 65_536

LIFETIME = HOUR
"""Seconds without an attempt until a group starts again."""

TRY = """#!lua flags=allow-oom
redis.set_repl(redis.REPL_NONE)
local now, lifetime = tonumber(ARGV[1]), tonumber(ARGV[2])
local numbers = {}
for place, key in ipairs(KEYS) do
  local known = redis.call('HMGET', key, 'number', 'next')
  local wait = (tonumber(known[2]) or 0) - now
  if wait > 0 then return math.min(wait, tonumber(ARGV[2 * place + 2])) end
  numbers[place] = (tonumber(known[1]) or 0) + 1
end
for place, key in ipairs(KEYS) do
  local free, longest = tonumber(ARGV[2 * place + 1]), tonumber(ARGV[2 * place + 2])
  local over, delay = numbers[place] - free + 1, 0
  if over > 0 then delay = math.min(2 ^ math.min(over, 20), longest) end
  redis.call('HSET', key, 'number', numbers[place], 'next', now + delay)
  redis.call('EXPIRE', key, lifetime)
end
return 0
"""
"""Counts an attempt before its password is checked, so that many at once do not slip
through. Returns the seconds to wait if it may not be made: then it counts nowhere. It
does not go into the file that Redis appends to, nor to replicas: that would keep the
time of each attempt."""

TAKE_BACK = """#!lua flags=allow-oom
redis.set_repl(redis.REPL_NONE)
redis.call('DEL', KEYS[1])
for place = 2, #KEYS do
  local number = tonumber(redis.call('HGET', KEYS[place], 'number')) or 0
  if number > 1 then
    redis.call('HSET', KEYS[place], 'number', number - 1, 'next', 0)
  else
    redis.call('DEL', KEYS[place])
  end
end
"""
"""Starts the first group again, and takes one attempt back from the others."""


class Limit(NamedTuple):
    """`free` attempts need no wait. Then the wait doubles, up to `longest` seconds."""

    free: int
    longest: int


OF_ONE = Limit(5, 300)
"""One name from one group of addresses, one browser, or one user who is signed in."""

OF_ADDRESS = Limit(30, 300)
"""Any name from one group of addresses."""

OF_NAME = Limit(20, 30)
"""One name from anywhere. The wait stays short: strangers can make an owner wait at a
new browser."""


class Attempts:
    """Attempts that share some limits."""

    def __init__(self, redis: Redis, limits: Mapping[str, Limit]) -> None:
        """Take group → limit. The first group is the person's own."""
        self._redis = redis
        self._keys = [attempts_key(group) for group in limits]
        self._numbers = [number for limit in limits.values() for number in limit]

    @classmethod
    def from_address(cls, redis: Redis, secret: str, address: str, name: str) -> Self:
        """Return the attempts with a name in browsers that are not known."""
        narrow, wide = networks_of(address)
        group = _group(secret, "address", wide or narrow, GROUPS)
        number = _group(secret, "name", name, GROUPS_OF_NAMES)
        return cls(
            redis,
            {
                f"both:{group}:{number}": OF_ONE,
                f"address:{group}": OF_ADDRESS,
                f"name:{number}": OF_NAME,
            },
        )

    @classmethod
    def in_browser(cls, redis: Redis, secret: str, mark: str) -> Self:
        """Return the attempts in a browser in which the user signed in before.

        No stranger shares its limit, so none can make the user wait.
        """
        number = _group(secret, "browser", mark, GROUPS_OF_NAMES)
        return cls(redis, {f"browser:{number}": OF_ONE})

    @classmethod
    def of_user(cls, redis: Redis, secret: str, name: str) -> Self:
        """Return the attempts of a user who is signed in, to confirm the password."""
        number = _group(secret, "user", name, GROUPS_OF_NAMES)
        return cls(redis, {f"user:{number}": OF_ONE})

    def begin(self) -> int:
        """Count an attempt, or return the seconds to wait until one may be made."""
        times = int(time.time()), LIFETIME
        wait = self._redis.eval(
            TRY, len(self._keys), *self._keys, *times, *self._numbers
        )
        return int(cast(int, wait))

    def succeed(self) -> None:
        """Take the attempt back: the password was right."""
        self._redis.eval(TAKE_BACK, len(self._keys), *self._keys)


def _group(secret: str, kind: str, text: str, groups: int) -> int:
    digest = hmac.digest(secret.encode(), f"{kind}:{text}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8]) % groups
