"""A file of feature flags, in the part of flagd's format that is supported.

https://flagd.dev/reference/flag-definitions/
"""

from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from page_tracker.tracking.canonical import checked_site

LookName = Literal["tiles", "plain"]
Pairs = tuple[tuple[str, Annotated[int, Field(ge=0)]], ...]


class FlagsError(ValueError):
    """A file of flags is invalid; the message is one line for people."""


class LookFlag(BaseModel, extra="forbid", strict=True, frozen=True):
    """The flag `look`: its variants, and which visitor gets which."""

    state: Literal["ENABLED", "DISABLED"]
    variants: dict[str, LookName] = {"tiles": "tiles", "plain": "plain"}
    default: str = Field("tiles", alias="defaultVariant")
    targeting: dict[Literal["fractional"], Pairs] = {}
    metadata: dict[str, str] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.split and not any(weight for _, weight in self.split):
            raise ValueError("the weights of fractional are all 0")
        for variant in (self.default, *dict(self.split)):
            if variant not in self.variants:
                raise ValueError(f"{variant!r} is not one of its variants")
        if "site" in self.metadata:
            checked_site(self.metadata["site"])
        elif self.split:
            raise ValueError("metadata.site is required: a site that counts the looks")
        return self

    @property
    def split(self) -> Pairs:
        """Return the weights of the variants; empty if all visitors get the same."""
        return self.targeting.get("fractional", ()) if self.state == "ENABLED" else ()

    def look_for(self, visitor: str) -> LookName:
        """Return the look of a visitor, or the default if there is no visitor."""
        hashed = blake2b(f"look\n{visitor}".encode(), digest_size=4).digest()
        place = int.from_bytes(hashed) * sum(weight for _, weight in self.split) >> 32
        for variant, weight in self.split if visitor else ():
            place -= weight
            if place < 0:
                return self.variants[variant]
        return self.variants[self.default] if self.state == "ENABLED" else "tiles"


class FlagFile(BaseModel, extra="forbid", strict=True, frozen=True):
    """A whole file. An unknown field is an error, because it may be a rule of flagd."""

    schema_: str = Field("", alias="$schema")
    metadata: dict[str, str] = {}
    flags: dict[Literal["look"], LookFlag]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.look.split or self.salt) and not 16 <= len(self.salt) <= 64:
            raise ValueError("metadata.salt: use 16 to 64 bytes (openssl rand -hex 16)")
        return self

    @property
    def look(self) -> LookFlag:
        """Return the flag `look`; a disabled one if the file has none."""
        return self.flags.get("look") or LookFlag(state="DISABLED")

    @property
    def salt(self) -> bytes:
        """Return the key under which visitors are hashed."""
        return self.metadata.get("salt", "").encode()


class Flags(NamedTuple):
    """A file of flags, and what it contained when it was last valid."""

    path: Path
    file: FlagFile


def load_flags(path: Path) -> Flags:
    """Return a file of flags with its content. Raises FlagsError."""
    return Flags(path, read_flags(path))


def read_flags(path: Path) -> FlagFile:
    """Return what a file of flags contains. Raises FlagsError."""
    try:
        return FlagFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise FlagsError(f"{error.strerror}; name a readable file of flags") from error
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        reason = problem["msg"].removeprefix("Value error, ")
        raise FlagsError(": ".join(filter(None, [place, reason]))) from error
