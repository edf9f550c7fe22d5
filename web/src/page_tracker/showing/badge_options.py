"""The options of a badge in its address, and the errors for invalid ones.

The names are the usual ones of badges in READMEs; the values are ours.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

COLORS = {
    "brightgreen": "#3fb618",
    "green": "#2a7d32",
    "yellowgreen": "#9db01c",
    "yellow": "#e3b505",
    "orange": "#e2711d",
    "red": "#c5352b",
    "pink": "#c72c79",
    "purple": "#7248b5",
    "blue": "#1c6bb0",
    "teal": "#0f7a7a",
    "amber": "#ffd479",
    "white": "#ffffff",
    "lightgrey": "#b4b4b4",
    "grey": "#575b63",
    "slate": "#2d3039",
    "black": "#16181c",
}
"""Names of colours. Amber and slate are the digits and tiles of the counter page."""

OTHER_SPELLINGS = {"gray": "grey", "lightgray": "lightgrey"}

Style = Literal["flat", "flat-square", "plastic", "for-the-badge"]


def color_value(color: str) -> str:
    """Return a colour for CSS, from its name or its hex digits."""
    name = color.lower()
    name = OTHER_SPELLINGS.get(name, name)
    if name in COLORS:
        return COLORS[name]
    if re.fullmatch(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", name):
        return f"#{name.removeprefix('#')}"
    raise ValueError("not a colour")


def plain_text(text: str) -> str:
    """Return a text if nothing in it is hidden. Raises ValueError.

    Refused are control characters, line breaks, marks that change the direction of the
    text, and characters that XML forbids (https://www.w3.org/TR/xml/#charsets).
    """
    for character in text:
        if (
            unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(character)
            in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
            or character in "\ufffe\uffff"
        ):
            raise ValueError("not plain text")
    return text


PlainText = Annotated[str, AfterValidator(plain_text)]
Color = Annotated[str, AfterValidator(color_value)]

EXPLAINED = "explained"
"""Type of an error with a message for people."""

A_COLOR = "a hex colour such as 1c6bb0, or one of " + ", ".join(COLORS)


class BadgeOptions(BaseModel):
    """The options of a badge. A description gives the valid values."""

    model_config = ConfigDict(
        frozen=True,
        str_strip_whitespace=True,
        validate_default=True,
    )

    style: Style = Field(
        "flat", description="flat, flat-square, plastic or for-the-badge"
    )
    label: PlainText = Field(
        "views", max_length=64, description="at most 64 characters on one line"
    )
    color: Color = Field("amber", description=A_COLOR)
    label_color: Color = Field("slate", alias="labelColor", description=A_COLOR)
    period: Literal["total", "today", "both"] = Field(
        "total", description="total, today or both"
    )
    base: int = Field(
        0, ge=0, le=10**12, description="a whole number, 0 to 1000000000000"
    )
    abbreviated: bool = Field(False, description="yes or no")
    count: bool = Field(True, description="yes or no")
    title: PlainText = Field(
        "", max_length=200, description="at most 200 characters on one line"
    )


Options = TypeVar("Options", bound=BadgeOptions)

PARAMETERS = {
    field.alias or name: field for name, field in BadgeOptions.model_fields.items()
}
"""The fields of `BadgeOptions`, by their names in an address."""


def parse_options(given: Mapping[str, str]) -> tuple[BadgeOptions, list[str]]:
    """Return the options in the parameters of an address, and what is wrong with them.

    Instead of an invalid value it takes the default: the number is worth more than its
    colour.
    """
    options, errors = parse(BadgeOptions, given)
    return options, list(errors.values())


def parse(
    model: type[Options], given: Mapping[str, str]
) -> tuple[Options, dict[str, str]]:
    """Return the options in parameters, and an error for each invalid one."""
    try:
        return model.model_validate(given), {}
    except ValidationError as error:
        errors = dict(_problems(error, model))
    valid = {name: text for name, text in given.items() if name not in errors}
    return model.model_validate(valid), errors


def _problems(
    error: ValidationError, model: type[BaseModel]
) -> Iterator[tuple[str, str]]:
    """Give the name of each invalid parameter, and the error for people."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0])
        if problem["type"] == EXPLAINED:
            yield name, problem["msg"]
            continue
        given = quoted(str(problem["input"]))
        yield name, f"{name} is {given}: use {fields[name].description}"


def explained(message: str) -> PydanticCustomError:
    """Return an error of a value whose message people see as it is."""
    return PydanticCustomError(EXPLAINED, "{message}", {"message": message})


def quoted(value: str) -> str:
    """Return a text in quotes, on one line and with a limited length."""
    return repr(value if len(value) <= 40 else value[:39] + "…")
