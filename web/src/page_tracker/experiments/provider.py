"""Flags from a file, for OpenFeature, read again when the file changes.

flagd's own provider reads such files too, and brings gRPC along: 29 MB, and in each
worker 13 MB of memory and a thread, for what is one small file here.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider import AbstractProvider, Metadata

from page_tracker.experiments.flag_file import (
    FlagFile,
    FlagsError,
    content_of,
    parse_flags,
)

SECONDS_BETWEEN_LOOKS = 1

logger = logging.getLogger(__name__)


class FileProvider(AbstractProvider):
    """Answers for the flags of a file, as it was when it was last right.

    Once a second at most, a question has the file read again, and what it holds
    compared: its time would not tell two changes within one tick of a clock, nor its
    name a file that was put in its place. `check` raises FlagsError for flags that the
    application can not do with.
    """

    def __init__(self, path: Path, check: Callable[[FlagFile], None]) -> None:
        super().__init__()
        self._path = path
        self._check = check
        self._reading = Lock()
        self._look_after = 0.0
        self._content: bytes | str = ""
        self._file = FlagFile(flags={})
        self._read()  # now: of the first visitors none may find another one reading

    def get_metadata(self) -> Metadata:
        """Return the provider's name."""
        return Metadata("file")

    def file(self) -> FlagFile:
        """Return what the file says, as of a second ago at most."""
        if monotonic() < self._look_after:
            return self._file
        if self._reading.acquire(blocking=False):  # pylint: disable=R1732
            try:
                self._read()
                self._look_after = monotonic() + SECONDS_BETWEEN_LOOKS
            finally:
                self._reading.release()
        return self._file

    def resolve(
        self,
        flag_key: str,
        default_value: Any,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Any]:
        """Answer what a flag is for somebody; OpenFeature's client checks its type."""
        flag = self.file().flags.get(flag_key)
        if not flag:
            raise FlagNotFoundError(f"the file has no flag {flag_key!r}")
        if flag.state == "DISABLED":
            return FlagResolutionDetails(default_value, reason=Reason.DISABLED)
        key = evaluation_context.targeting_key if evaluation_context else None
        variant, reason = flag.default, Reason.STATIC
        if flag.shares:
            variant = flag.variant_of(key, flag_key) if key else variant
            reason = Reason.SPLIT if key else Reason.DEFAULT
        return FlagResolutionDetails(
            flag.variants[variant],
            variant=variant,
            reason=reason,
            flag_metadata=flag.metadata,
        )

    resolve_boolean_details = resolve
    resolve_string_details = resolve
    resolve_integer_details = resolve
    resolve_float_details = resolve
    resolve_object_details = resolve

    def _read(self) -> None:
        """Take what the file says now; what will not do is logged, once."""
        try:
            content: bytes | str = content_of(self._path)
        except FlagsError as error:
            content = str(error)
        if content == self._content:
            return
        is_first, self._content = not self._content, content
        try:
            if isinstance(content, str):
                raise FlagsError(content)
            file = parse_flags(content)
            self._check(file)
        except FlagsError as error:
            logger.error("The flags of %s stay as they are: %s", self._path, error)
            return
        self._file = file
        if not is_first:
            logger.info("The flags of %s are as it says now", self._path)
