"""Which look of the counter page a visitor gets, by a flag through OpenFeature."""

import logging
from threading import Lock
from time import monotonic
from typing import NamedTuple

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from page_tracker.flags.file import FlagFile, Flags, FlagsError, read_flags
from page_tracker.tracking.visitor import Sender, hashed_visitor

logger = logging.getLogger(__name__)


class Look(NamedTuple):
    """A look of the counter page, and the site that counts it; empty if none does."""

    name: str = "tiles"
    site: str = ""

    @property
    def page(self) -> str:
        """Return the page of the site that counts visitors with this look."""
        return f"/look/{self.name}"

    @property
    def went_on_page(self) -> str:
        """Return the page that counts visitors with this look who open `/embed`."""
        return f"/look/{self.name}/embed"


class Looks:
    """Chooses looks by a file of flags, as it was when it was last valid."""

    def __init__(self, flags: Flags) -> None:
        self._path, self._file = flags
        self._problem = ""
        self._reading, self._read_after = Lock(), 0.0
        flag = InMemoryFlag(
            "tiles", {"tiles": "tiles"}, context_evaluator=self._evaluate
        )
        domain = f"{__name__} {id(self)}"  # other applications have other providers
        api.set_provider_and_wait(InMemoryProvider({"look": flag}), domain)
        self._client = api.get_client(domain)

    def choose(self, sender: Sender) -> Look:
        """Return the look of a sender: the same one each time.

        If the sender asks for privacy, the look is the default, and no site counts it.
        """
        salt = self._read().salt
        visitor = "" if sender.wants_privacy else hashed_visitor(sender, salt).hex()
        context = EvaluationContext(visitor)
        details = self._client.get_string_details("look", "tiles", context)
        return Look(details.value, str(details.flag_metadata.get("site", "")))

    def _evaluate(
        self, _flag: InMemoryFlag[str], context: EvaluationContext
    ) -> FlagResolutionDetails[str]:
        flag, visitor = self._file.look, context.targeting_key or ""
        metadata = flag.metadata if visitor and flag.split else {}
        return FlagResolutionDetails(flag.look_for(visitor), flag_metadata=metadata)

    def _read(self) -> FlagFile:
        """Return the file. It is read again at most once a second."""
        with self._reading:
            if monotonic() < self._read_after:
                return self._file
            file, problem = self._file, ""
            try:
                file = read_flags(self._path)
            except FlagsError as error:
                problem = f"{self._path}: {error}"
            if problem and problem != self._problem:
                logger.error("Ignored until it is valid: %s", problem)
            elif (file, problem) != (self._file, self._problem):
                logger.info("The flags are now those of %s", self._path)
            self._file, self._problem = file, problem
            self._read_after = monotonic() + 1
            return file
