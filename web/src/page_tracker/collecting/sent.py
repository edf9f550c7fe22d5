"""A view as a client sends it, before it is one."""

import time
from typing import Any, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyAddress,
    ValidationError,
)

from page_tracker.tracking.keys import DAY
from page_tracker.tracking.view import InvalidView, View
from page_tracker.tracking.visitor import Sender

WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "string_type": "is no text",
    "bool_type": "is neither true nor false",
    "float_type": "is no number",
    "model_type": "is no JSON object",
}


class SentView(BaseModel):
    """The fields of a view, and what a client says of the person who saw it.

    `age` is for what was kept back by the client, in seconds. `time`, `address` and
    `user_agent` are for who has the token.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    site: str
    page: str
    referrer: str = ""
    title: str = ""
    event: str | None = None
    id: str = ""
    age: float = Field(0, ge=0, le=DAY, allow_inf_nan=False)
    privacy: bool = False
    own: bool = False
    time: AwareDatetime | None = Field(None, strict=False)
    address: IPvAnyAddress | None = None
    user_agent: str | None = None

    @classmethod
    def read(cls, fields: Any) -> Self:
        """Check what a client sent. Raises InvalidView."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            reason = WORDS.get(problem["type"])
            said = problem["msg"].removeprefix("Value error, ")
            field = ascii(problem["loc"][0])[1:-1][:64] if problem["loc"] else "a view"
            raise InvalidView(
                f"{field}: {reason or said[0].lower() + said[1:]}"
            ) from None

    def view(self) -> View:
        """Return the view that it is. Raises InvalidView."""
        if self.event is not None and not self.event.strip():
            raise InvalidView("event: is empty; name what happened, as in signup")
        if self.age and not self.id:
            raise InvalidView("age: needs an id, with which a view counts once")
        return View.of(
            site=self.site,
            page=self.page,
            referrer=self.referrer,
            title=self.title,
            event=self.event or "",
            id=self.id,
        )

    @property
    def needs_token(self) -> str:
        """Return the first field that is only for who has the token, if it has one."""
        for name in ("time", "address", "user_agent"):
            if getattr(self, name) is not None:
                return name
        return ""

    @property
    def at(self) -> float | None:
        """Return when it was seen, in seconds since 1970, where that is not now."""
        if self.time:
            return self.time.timestamp()
        return time.time() - self.age if self.age else None

    def sender(self, by: Sender, has_token: bool) -> Sender:
        """Return whose view it is: of who sent it, or of whom the token speaks for."""
        if not has_token:
            return by._replace(
                wants_privacy=by.wants_privacy or self.privacy, is_own=self.own
            )
        return Sender(
            address=str(self.address or ""),
            user_agent=self.user_agent,
            wants_privacy=self.privacy,
            is_own=self.own,
            is_vouched_for=True,
        )
