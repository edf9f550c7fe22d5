"""What can be asked of a badge in its address, and what to say when it can not.

The names are those that badges in READMEs have had for years; the values are ours.
"""

import difflib
import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

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


class BadInput(ValueError):
    """A parameter has a value that will not do; the message is one line for people."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(reason)
        self.parameter = parameter


def color_value(color: str) -> str:
    """Return a colour as CSS has it, with its `#`, given its name or hex digits."""
    name = color.lower()
    name = OTHER_SPELLINGS.get(name, name)
    if name in COLORS:
        return COLORS[name]
    if re.fullmatch(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", name):
        return f"#{name.removeprefix('#')}"
    raise ValueError("not a colour")


def plain_text(text: str) -> str:
    """Return a text in which nothing is hidden.

    Control characters and line breaks are refused, marks that turn the direction of the
    text around them, and what XML can not hold (https://www.w3.org/TR/xml/#charsets).
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

A_COLOR = "a hex colour as in 1c6bb0, or one of " + ", ".join(COLORS)


class BadgeOptions(BaseModel):
    """How a badge looks and what it shows. A description says what will do."""

    model_config = ConfigDict(
        extra="forbid",
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
    period: Literal["total", "today"] = Field("total", description="total or today")
    base: int = Field(
        0, ge=0, le=10**12, description="a whole number, 0 to 1000000000000"
    )
    abbreviated: bool = Field(False, description="yes or no")
    count: bool = Field(True, description="yes or no")
    title: PlainText = Field(
        "", max_length=200, description="at most 200 characters on one line"
    )


PARAMETERS = {
    field.alias or name: field for name, field in BadgeOptions.model_fields.items()
}
"""The fields of `BadgeOptions` by the name that an address has for them."""


def parse_options(values: dict[str, str]) -> BadgeOptions:
    """Return what the parameters of an address ask for. Raises BadInput."""
    try:
        return BadgeOptions.model_validate(values)
    except ValidationError as error:
        name, reason = next(iter(problems(error, BadgeOptions).items()))
        raise BadInput(name or "parameter", reason) from None


def problems(error: ValidationError, model: type[BaseModel]) -> dict[str, str]:
    """Return what is wrong, by parameter; under an empty name, a parameter too many."""
    known = {field.alias or name: field for name, field in model.model_fields.items()}
    found = {}
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0])
        if name in known:
            said = f"{name} is {shown(str(problem['input']))}"
            found[name] = f"{said}: use {known[name].description}"
        else:
            found.setdefault("", unknown(name, list(known)))
    return found


def unknown(name: str, known: list[str]) -> str:
    """Return what to say of a parameter that there is not."""
    for meant in difflib.get_close_matches(name, known, n=1):
        return f"{shown(name)} is not a parameter: did you mean {meant}?"
    return f"{shown(name)} is not a parameter: use {', '.join(known)}"


def shown(value: str) -> str:
    """Return what somebody sent on one line, with an end."""
    return repr(value if len(value) <= 40 else value[:39] + "…")
