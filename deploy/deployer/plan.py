"""The settings of a deployment, from the environment."""

import os
import shutil
from dataclasses import dataclass, replace
from typing import Any, Self

from deployer.ending import RefusedError

MEANING = {
    "CANARY_SHARE": "percentage of visitors that get the new version first; 0: none",
    "CANARY_SECONDS": "how long they do, while the two versions are compared",
    "WATCH_SECONDS": "how long all others get it then, while they are compared again",
    "HEALTHY_SECONDS": "how long the new version may take to become healthy",
}


@dataclass(frozen=True)
class Plan:
    """The settings of a deployment. The defaults suit a small site."""

    canary_share: int = 10
    canary_seconds: int = 30
    watch_seconds: int = 30
    healthy_seconds: int = 120
    url: str = ""
    was_kept: bool = False
    """The image was live before. It is not tested: this checkout's smoke tests may need
    newer features, and a live version that fails fast may look better than it."""

    @classmethod
    def from_environment(cls, *, is_rollback: bool = False) -> Self:
        """Read the environment. Raises RefusedError."""
        numbers: dict[str, Any] = {
            name.lower(): _number(name, os.environ[name])
            for name in MEANING
            if os.environ.get(name)
        }
        plan = cls(url=os.environ.get("DEPLOY_URL", ""), **numbers)
        if plan.canary_share > 90:
            raise RefusedError(f"CANARY_SHARE is {plan.canary_share}: use 0 to 90")
        if is_rollback:
            return plan.of_rollback()
        if plan.url and not shutil.which("page-tracker"):
            raise RefusedError(
                "DEPLOY_URL is set, but this machine has no command page-tracker to"
                " check it with: make deploy installs it"
            )
        return plan

    def of_rollback(self) -> Self:
        """Return the settings for an image that was live before."""
        return replace(self, canary_share=0, watch_seconds=0, url="", was_kept=True)

    @staticmethod
    def explanation() -> str:
        """Return the variables with their defaults and meanings."""
        defaults = vars(Plan())
        return "\n".join(
            f"  {name:16} {meaning} (default: {defaults[name.lower()]})"
            for name, meaning in MEANING.items()
        ) + (
            "\n  DEPLOY_URL       the visitors' address, smoke-tested from here too"
            " (default: none)"
        )


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise RefusedError(f"{name} is '{text}': use a number, for example 30")
    return int(text)
