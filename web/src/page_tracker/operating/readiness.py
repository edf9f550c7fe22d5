"""Finds out whether a Redis can count a view and show numbers, without a write."""

import re
from contextlib import suppress

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from page_tracker.store.nodes import masters_of, tags_of
from page_tracker.store.version import OLDEST, Version
from page_tracker.tracking.keys import PAGE_VIEWS
from page_tracker.tracking.migration import NewerData, check_version
from page_tracker.tracking.wire import SCRIPT

PROBE = """#!lua
local function may(command)
  local arguments, is_valid, is_allowed = {}
  repeat -- some versions need as many arguments as the command does
    table.insert(arguments, KEYS[1])
    is_valid, is_allowed = pcall(redis.acl_check_cmd, command, unpack(arguments))
  until is_valid or #arguments == 5
  return is_valid and is_allowed
end
local lacks = {}
if not redis.acl_check_cmd('INCRBY', ARGV[1], 1) then table.insert(lacks, 'INCRBY') end
if not redis.acl_check_cmd('EVALSHA', '', 1, KEYS[1]) then
  table.insert(lacks, 'EVALSHA')
end
for command in string.gmatch(ARGV[2], '%a+') do
  if not may(command) then table.insert(lacks, command) end
end
if #lacks > 0 then
  return redis.error_reply('NOPERM this user may not run ' .. table.concat(lacks, ', '))
end
return redis.call('EXISTS', KEYS[1])
"""
"""It changes nothing, but its first line says that it may. So Redis does not run it on
a replica, with a full memory or a failing disk. A Redis before 7.0 cannot compile
it."""

OUTSIDE_OF_SCRIPTS = (
    # to find a site and the version of the data
    *("HGETALL", "HEXISTS", "HMGET", "HSETNX"),
    # to show pages, to sign people in, to add and remove sites, and to forget salts
    *("DEL", "EXPIRETIME", "GET", "GETDEL", "HDEL", "HLEN", "HSCAN", "HVALS", "LRANGE"),
    *("LSET", "MGET", "PFCOUNT", "RENAME", "SCAN", "TYPE", "UNLINK", "ZMSCORE"),
    *("ZRANGE", "ZREVRANGE", "ZSCAN"),
)

COMMANDS = " ".join(
    sorted(
        {
            *re.findall(r"(?:redis\.call|in_memory)\('(\w+)'", SCRIPT),
            *OUTSIDE_OF_SCRIPTS,
        }
    )
)
"""One argument: before a login, Redis rejects more than ten as a protocol error."""


class NotReady(RedisError):
    """This Redis will never count; the message names it and what is needed."""


def check_ready(redis: Redis) -> None:
    """Check that every master can count a view now.

    Raises NotReady, and the error with which Redis would refuse a view.
    """
    pipeline = redis.pipeline(transaction=False)
    for tag in tags_of(redis):
        pipeline.eval(PROBE, 1, f"pt:{{{tag}}}:", PAGE_VIEWS, COMMANDS)
    for answer in pipeline.execute(raise_on_error=False):
        if isinstance(answer, ResponseError):
            _refuse_old(redis, answer)
        if isinstance(answer, Exception):
            raise answer
    try:
        check_version(redis)
    except NewerData as error:
        raise NotReady(str(error)) from error


def check_fit(redis: Redis) -> None:
    """Check that this Redis can count, whether it can do so now or not.

    A full Redis, for example, still has numbers to read. Raises NotReady and
    RedisError.
    """
    try:
        check_ready(redis)
    except (NotReady, NoPermissionError):
        raise
    except ResponseError:
        pass


def _refuse_old(redis: Redis, answer: ResponseError) -> None:
    """Raise NotReady if the answer comes from a Redis that is too old."""
    versions = []
    with suppress(RedisError):  # its user may not ask for the version
        versions = [
            Version.in_info(master.info("server")) for master in masters_of(redis)
        ]
    for version in versions:
        if version.complaint:
            raise NotReady(version.complaint)
    if re.match("Error compiling|unknown command", str(answer), re.I):
        oldest = " or ".join(map(" ".join, OLDEST.items()))
        raise NotReady(f"a server without these scripts: {oldest} or newer is needed")
