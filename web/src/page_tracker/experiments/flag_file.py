"""What a file of feature flags may say: a part of flagd's format.

Flags with variants, a default and `fractional` targeting, as flagd defines them
(https://flagd.dev/reference/flag-definitions/). Whatever else flagd knows is refused by
its name: a rule that nobody follows would be a silent default.
"""

import secrets
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

LARGEST_FILE = 64 * 1024
"""Bytes."""

SALT = "salt"
SHORTEST_SALT = 16
LONGEST_SALT = 64
"""Bytes, of which BLAKE2b takes no more as its key."""

WORDS = {
    "missing": "is missing",
    "json_invalid": "is no JSON",
    "literal_error": "use ENABLED or DISABLED",
    "greater_than_equal": "use a whole number, 0 or more",
    "int_type": "use a whole number, 0 or more",
    "tuple_type": 'use pairs, as in ["variant", 50]',
    "too_long": 'use pairs, as in ["variant", 50]',
    "model_type": "is no JSON object",
    "dict_type": "is no JSON object",
    "string_type": "is no text",
}


class FlagsError(ValueError):
    """A file of flags will not do; the message is one line for people."""


class Part(BaseModel):
    """A part of the file, which has no fields but its own."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Targeting(Part):
    """Which variants there are a share of all for: pairs of variant and weight."""

    fractional: tuple[tuple[str, Annotated[int, Field(ge=0)]], ...] = ()


class Flag(Part):
    """A flag: its variants by name, and which of them is for whom."""

    state: Literal["ENABLED", "DISABLED"]
    variants: dict[str, JsonValue]
    default: str = Field(alias="defaultVariant")
    targeting: Targeting = Targeting()
    metadata: dict[str, str] = {}

    @property
    def shares(self) -> dict[str, int]:
        """Return the weights of the variants; none where nobody is split."""
        weights: dict[str, int] = {}
        for variant, weight in self.targeting.fractional:
            weights[variant] = weights.get(variant, 0) + weight
        return weights

    @model_validator(mode="after")
    def _check(self) -> Self:
        named = {"defaultVariant": [self.default], "fractional": list(self.shares)}
        for where, variants in named.items():
            for variant in variants:
                if variant not in self.variants:
                    raise ValueError(
                        f"{where} names {variant!r}, which is none of its variants"
                    )
        if len({type(value) for value in self.variants.values()}) > 1:
            raise ValueError("its variants have values of several types")
        if self.shares and not any(self.shares.values()):
            raise ValueError("its fractional weights are all 0")
        return self

    def variant_of(self, key: str, name: str) -> str:
        """Return the variant of whom a targeting key stands for.

        The key, hashed together with the flag's name, falls into a share, as in flagd
        (with another hash than flagd's). Raising a later share moves nobody back.
        """
        person = f"{name}\n{key}".encode()
        hashed = int.from_bytes(blake2b(person, digest_size=4).digest())
        place = hashed * sum(self.shares.values()) >> 32
        for variant, weight in self.shares.items():
            place -= weight
            if place < 0:
                return variant
        return self.default


class FlagFile(Part):
    """A whole file of flags."""

    schema_: str = Field("", alias="$schema")
    metadata: dict[str, str] = {}
    flags: dict[str, Flag]

    @property
    def salt(self) -> bytes:
        """Return the key under which a visitor is hashed."""
        return self.metadata.get(SALT, "").encode()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not any(flag.shares for flag in self.flags.values()):
            return self
        if not SHORTEST_SALT <= len(self.salt) <= LONGEST_SALT:
            raise ValueError(
                f'metadata: a split wants a "{SALT}" of {SHORTEST_SALT} to '
                f'{LONGEST_SALT} bytes, the same for all servers; "{SALT}": '
                f'"{secrets.token_hex(16)}" is a new one'
            )
        return self


def read_flags(path: Path) -> FlagFile:
    """Return what a file of flags says. Raises FlagsError."""
    return parse_flags(content_of(path))


def content_of(path: Path) -> bytes:
    """Return what a file holds. Raises FlagsError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise FlagsError(f"{error.strerror}; name a readable file of flags") from error
    if len(content) > LARGEST_FILE:
        raise FlagsError(f"the file has more than {LARGEST_FILE:,} bytes")
    return content


def parse_flags(content: bytes) -> FlagFile:
    """Return what the content of a file of flags says. Raises FlagsError."""
    try:
        return FlagFile.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = [str(part) for part in problem["loc"]]
        said = WORDS.get(problem["type"]) or problem["msg"]
        if problem["type"] == "extra_forbidden":
            said = f"is not read here; {_read_at(place)} is"
        elif problem["type"] == "json_invalid":
            said = f"the file {said}: {problem['ctx']['error']}"
        where = ".".join(place)
        said = said.removeprefix("Value error, ")
        raise FlagsError(f"{where}: {said}" if where else said) from None


def _read_at(place: list[str]) -> str:
    """Return the fields that are read beside one that is not."""
    part: type[Part] = Flag
    if len(place) == 1:
        part = FlagFile
    elif place[-2] == "targeting":
        part = Targeting
    names = [field.alias or name for name, field in part.model_fields.items()]
    return ", ".join(names)
