"""The visitors of a site of all time: the sum of the visitors of its days.

A salt lives for two days, so nobody can tell whether a visitor came in an earlier week.
Days expire, and this sum must not: it is a number of its own. It costs each view a
little, so a site has it only once somebody asked for it. From then on, `record.lua`
adds to it.
"""

from typing import cast

from redis import Redis

from page_tracker.tracking.days import span_of
from page_tracker.tracking.sites import Site

BEGIN = """#!lua flags=allow-oom
-- Returns the visitors of a site, and keeps their sum if it has none. The arguments are
-- the hash of the totals, and the HyperLogLogs of all days.
local known = redis.call('HMGET', ARGV[1], 'since', 'visitors')
if not known[1] or known[2] then return tonumber(known[2] or 0) end
local sum = 0
for i = 2, #ARGV do sum = sum + redis.call('PFCOUNT', ARGV[i]) end
redis.call('HSET', ARGV[1], 'visitors', sum)
return sum
"""


def all_visitors(redis: Redis, site: Site) -> int:
    """Return the visitors of all days of a site. From now on, views add to the sum."""
    keys = site.keys
    days = [keys.day(day).visitors for day in span_of(redis, site).days]
    # The prefix is the key: record.lua explains why.
    answer = redis.eval(BEGIN, 1, keys.prefix, keys.totals, *days)
    return int(cast(bytes, answer))
