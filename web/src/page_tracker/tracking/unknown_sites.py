"""The last names of sites that nobody registered, and how many views each had.

An owner finds a misspelt `data-site` among them. The number of names is bounded: any
client can invent some.
"""

import time
from collections.abc import Mapping
from typing import cast

from redis import Redis
from redis.client import Pipeline

from page_tracker.tracking.canonical import checked_site
from page_tracker.tracking.keys import DAY, HOUR, UNKNOWN_NAMES

MOST_NAMES = 20

DAYS_KEPT = 400

NOTE = """
local stored = redis.call('HGET', KEYS[1], ARGV[1]) or '0 0'
local now = tonumber(ARGV[3])
for _, value in ipairs(redis.call('HVALS', KEYS[1])) do
  now = math.max(now, tonumber(value:match('^%d+')) + 1)
end
local views = tonumber(stored:match('%d+$')) + ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f', now, views))
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[4]) then
  local rarest, least, last
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local time, number = all[i + 1]:match('^(%d+) (%d+)$')
    time, number = tonumber(time), tonumber(number)
    if all[i] ~= ARGV[1]
      and (not least or number < least or number == least and time < last) then
      rarest, least, last = all[i], number, time
    end
  end
  redis.call('HDEL', KEYS[1], rarest)
end
"""
"""Adds views to a name. If there are too many, deletes the one with the fewest views,
of several the one that was sent longest ago. So names that somebody invents once do not
push out a mistake on a live site. A value is a number that grows with each view, from
the microseconds since 1970 until this hour on, and the number of views. The file of
Redis must not tell a finer time."""


def note_unknown(pipeline: Pipeline, views: Mapping[str, int]) -> None:
    """Add views to the names that could be a site."""
    last_views = list(views.items())[-MOST_NAMES:]
    hour = int(time.time()) // HOUR * HOUR
    for host, number in last_views:
        try:
            name = checked_site(host)
        except ValueError:
            continue
        pipeline.eval(
            NOTE, 1, UNKNOWN_NAMES, name, number, hour * 1_000_000, MOST_NAMES
        )
    if views:
        pipeline.expireat(UNKNOWN_NAMES, hour + DAYS_KEPT * DAY)


def unknown_names(redis: Redis) -> list[tuple[str, int]]:
    """Return the last names of unknown sites with their views, newest first."""
    noted = []
    stored = cast(dict[bytes, bytes], redis.hgetall(UNKNOWN_NAMES))
    for name, value in stored.items():
        last, views = map(int, value.split())
        noted.append((-last, name.decode(), views))
    return [(name, views) for _, name, views in sorted(noted)]
