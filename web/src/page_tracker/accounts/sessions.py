"""Sessions: who signed in, in which browser. They end by themselves.

A browser has a random secret in a cookie. Redis has its hash, so a copy of Redis signs
nobody in.
"""

import json
import time
from contextlib import suppress
from typing import NamedTuple, cast

from redis import Redis
from redis.exceptions import ResponseError

from page_tracker.accounts.hashing import hash_of, new_secret
from page_tracker.tracking.keys import DAY, HOUR, session_key, sessions_of

LONGEST = 30 * DAY
LONGEST_IDLE = 7 * DAY
BETWEEN_NOTES = HOUR
"""Seconds. The last use is noted at most once an hour."""

MOST = 50
"""Sessions of one user. A further one ends the oldest."""


STORE = """#!lua flags=allow-oom
if ARGV[3] == 'known' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return redis.call('EXPIREAT', KEYS[1], ARGV[2])
"""
LIST = """#!lua flags=allow-oom
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
return redis.call('EXPIREAT', KEYS[1], ARGV[3])
"""
"""A full Redis runs them too: an owner must sign in to free memory."""


class Session(NamedTuple):
    """A browser in which a user signed in. Times are seconds since 1970."""

    identity: str
    """The hash of its secret."""
    user: str
    since: int
    seen: int


def begin_session(redis: Redis, user: str) -> str:
    """Begin a session of a user, and return its secret for the cookie."""
    secret, now = new_secret(), int(time.time())
    _store(redis, Session(hash_of(secret), user, now, now))
    for oldest in _identities(redis, user)[:-MOST]:
        end_session(redis, user, oldest)
    return secret


def find_session(redis: Redis, secret: str) -> Session | None:
    """Return the session of a secret, and note its use; None if it has ended."""
    identity = hash_of(secret)
    stored = redis.get(session_key(identity))
    if not stored:
        return None
    session = Session(identity, **json.loads(stored))
    now = int(time.time())
    if now - session.seen >= BETWEEN_NOTES:
        session = session._replace(seen=now)
        with suppress(ResponseError):  # a Redis that refuses writes
            _store(redis, session, is_known=True)
    return session


def end_session(redis: Redis, user: str, identity: str) -> None:
    """End a session of a user."""
    redis.zrem(sessions_of(user), identity)
    redis.delete(session_key(identity))


def end_sessions(redis: Redis, user: str, but: str = "") -> int:
    """End all sessions of a user but one, and return how many."""
    ended = [one for one in list_sessions(redis, user) if one.identity != but]
    for session in ended:
        end_session(redis, user, session.identity)
    return len(ended)


def list_sessions(redis: Redis, user: str) -> list[Session]:
    """Return the sessions of a user, the last used first."""
    found = ((one, redis.get(session_key(one))) for one in _identities(redis, user))
    sessions = [Session(one, **json.loads(stored)) for one, stored in found if stored]
    return sorted(sessions, key=lambda session: session.seen, reverse=True)


def _identities(redis: Redis, user: str) -> list[str]:
    """Return the sessions of a user, the oldest first; some may have ended."""
    found = cast(list[bytes], redis.zrange(sessions_of(user), 0, -1))
    return [identity.decode() for identity in found]


def _store(redis: Redis, session: Session, *, is_known: bool = False) -> None:
    end = min(session.since + LONGEST, session.seen + LONGEST_IDLE)
    fields = session._asdict()
    identity = fields.pop("identity")
    # One that was ended meanwhile stays ended.
    which = "known" if is_known else "new"
    redis.eval(STORE, 1, session_key(identity), json.dumps(fields), end, which)
    if not is_known:
        last = session.since + LONGEST
        redis.eval(LIST, 1, sessions_of(session.user), session.since, identity, last)
