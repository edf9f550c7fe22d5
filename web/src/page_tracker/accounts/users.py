"""Users: owners, who may do all, and viewers of some sites."""

import json
import re
import time
import unicodedata
from collections.abc import Iterable
from typing import Literal, NamedTuple, cast

from redis import Redis

from page_tracker.accounts.access import Caller
from page_tracker.accounts.errors import AccountError, marked
from page_tracker.accounts.passwords import (
    checked_password,
    hash_password,
    is_outdated,
    is_right,
)
from page_tracker.accounts.sessions import end_sessions
from page_tracker.tracking.keys import USERS

Role = Literal["owner", "viewer"]
ROLES: tuple[Role, ...] = ("owner", "viewer")

MOST = 200

NAME = re.compile(r"\w[\w.@+-]{0,63}")

STORE = """#!lua flags=allow-oom
local function is_owner(record)
  return record and cjson.decode(record).role == 'owner'
end
local before, mode = redis.call('HGET', KEYS[1], ARGV[1]), ARGV[3]
local users = redis.call('HLEN', KEYS[1])
if mode == 'first' and users > 0 then return 'late' end
if mode == 'add' and before then return 'taken' end
if mode ~= 'change' and users >= tonumber(ARGV[4]) then return 'full' end
if mode == 'change' and not before then return 'unknown' end
local after = ARGV[2] ~= '' and ARGV[2] or nil
if is_owner(before) and not is_owner(after) then
  local owners = 0
  for _, record in ipairs(redis.call('HVALS', KEYS[1])) do
    if is_owner(record) then owners = owners + 1 end
  end
  if owners == 1 then return 'last' end
end
if after then
  redis.call('HSET', KEYS[1], ARGV[1], after)
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return ''
"""
"""Adds, changes or removes a user in one step, so that an owner always stays."""


REFUSALS = {
    "late": marked("There is a user already; sign in"),
    "taken": marked("There is a user %(name)s already; use another name"),
    "full": marked("The limit is %(most)s users; remove one first"),
    "unknown": marked("There is no user %(name)s"),
    "last": marked("%(name)s is the last owner; make another user an owner first"),
}
"""The refusals of the script, in words."""


class User(NamedTuple):
    """A user. `since` is seconds since 1970."""

    name: str
    password: str
    """Its hash."""
    role: Role
    sites: frozenset[str]
    """Of a viewer. An owner has all."""
    since: int

    @property
    def caller(self) -> Caller:
        """Return who calls when this user does."""
        return Caller(
            self.role, self.name, None if self.role == "owner" else self.sites
        )


def canonical_name(name: str) -> str:
    """Return a name, also an invalid one, in its one form."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def checked_name(name: str) -> str:
    """Return the name of a user in its one form. Raises AccountError."""
    name = canonical_name(name)
    if not NAME.fullmatch(name):
        text = marked("Use 1 to 64 letters, digits and . _ - + @, for example anna")
        raise AccountError("name", text)
    return name


# pylint: disable-next=too-many-arguments  # the fields of a user
def add_user(
    redis: Redis,
    name: str,
    password: str,
    role: str = "viewer",
    sites: Iterable[str] = (),
    *,
    is_first: bool = False,
) -> User:
    """Add a user. Raises AccountError; also if there is one, for the first user."""
    user = User(
        checked_name(name),
        hash_password(checked_password(password)),
        _checked_role(role),
        _sites_of(role, sites),
        int(time.time()),
    )
    _store(redis, user, "first" if is_first else "add")
    return user


def change_user(redis: Redis, name: str, role: str, sites: Iterable[str]) -> User:
    """Change the role and the sites of a user. Raises AccountError."""
    user = get_user(redis, name)
    user = user._replace(role=_checked_role(role), sites=_sites_of(role, sites))
    _store(redis, user, "change")
    return user


def set_password(redis: Redis, name: str, password: str, keep: str = "") -> None:
    """Set the password of a user, and end all sessions but `keep`.

    Raises AccountError.
    """
    user = get_user(redis, name)
    hashed = hash_password(checked_password(password))
    _store(redis, user._replace(password=hashed), "change")
    end_sessions(redis, user.name, keep)


def remove_user(redis: Redis, name: str) -> None:
    """Remove a user. Raises AccountError for the last owner."""
    user = get_user(redis, name)
    _run(redis, user.name, "", "change")
    end_sessions(redis, user.name)


def find_user(redis: Redis, name: str) -> User | None:
    """Return a user by the name in its one form."""
    stored = cast(bytes | None, redis.hget(USERS, name))
    return _read(name, stored) if stored else None


def get_user(redis: Redis, name: str) -> User:
    """Return a user. Raises AccountError."""
    if user := find_user(redis, checked_name(name)):
        return user
    raise AccountError("name", REFUSALS["unknown"], name=name)


def user_with(redis: Redis, name: str, password: str) -> User | None:
    """Return a user by name and password; None if one of them is wrong.

    It takes the same time for a name that does not exist. Raises TooManyAtOnce.
    """
    try:
        user = find_user(redis, checked_name(name))
    except AccountError:
        user = None
    if not is_right(password, user.password if user else "") or not user:
        return None
    if is_outdated(user.password):
        user = user._replace(password=hash_password(password))
        _store(redis, user, "change")
    return user


def list_users(redis: Redis) -> list[User]:
    """Return all users, by name."""
    stored = cast(dict[bytes, bytes], redis.hgetall(USERS))
    return sorted(_read(name.decode(), record) for name, record in stored.items())


def has_users(redis: Redis) -> bool:
    """Say whether there is a user."""
    return bool(redis.exists(USERS))


def _checked_role(role: str) -> Role:
    if role not in ROLES:
        raise AccountError("role", marked("Choose owner or viewer"))
    return role


def _sites_of(role: str, sites: Iterable[str]) -> frozenset[str]:
    return frozenset() if role == "owner" else frozenset(sites)


def _store(redis: Redis, user: User, mode: str) -> None:
    record = user._asdict() | {"sites": sorted(user.sites)}
    name = record.pop("name")
    _run(redis, name, json.dumps(record), mode)


def _run(redis: Redis, name: str, record: str, mode: str) -> None:
    refusal = cast(bytes, redis.eval(STORE, 1, USERS, name, record, mode, MOST))
    if refusal:
        reason = refusal.decode()
        field = "role" if reason == "last" else "name"
        raise AccountError(field, REFUSALS[reason], name=name, most=f"{MOST:,}")


def _read(name: str, stored: bytes) -> User:
    record = json.loads(stored)
    return User(name, **record | {"sites": frozenset(record["sites"])})
