"""Imports access logs of web servers: a view is a page that was shown to a person."""

import re
import time
from collections.abc import Iterator

from page_tracker.importing.log_lines import BadLine, Line, LogLines, NoRequest
from page_tracker.importing.looks import refuse_other_kinds
from page_tracker.importing.models import ImportRefused, Steps
from page_tracker.importing.running import Import
from page_tracker.importing.source import Source, open_source
from page_tracker.importing.targets import Targets, Told, remember
from page_tracker.importing.views import (
    BadRecord,
    Record,
    Viewed,
    moment_of,
    steps_of,
)
from page_tracker.tracking.canonical import host_of
from page_tracker.tracking.keys import UNKNOWN
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorder import SECONDS_AHEAD
from page_tracker.tracking.sites import Moment
from page_tracker.tracking.visitor import written_address

KIND = "log"

SHOWN = (200, 304)
"""A browser that has a page asks whether it changed (304), and shows it."""

FILES = frozenset(
    # Styles, scripts and fonts
    "css js mjs map wasm woff woff2 ttf otf eot "
    # Images, sounds and films
    "png jpg jpeg gif svg webp avif ico bmp tif tiff mp3 mp4 m4a m4v ogg oga ogv opus "
    "wav flac webm mov avi mkv m3u8 ts "
    # Data
    "json jsonl xml txt csv rss atom yaml yml webmanifest manifest vtt srt ics "
    # What is kept and not shown
    "pdf epub zip gz tgz bz2 xz zst 7z rar tar dmg exe msi deb rpm apk iso bin".split()
)
"""Extensions of what is no page. Feeds are among them: programs read these."""

EXTENSION = re.compile(r"\.([A-Za-z0-9]+)(?:[?#]|$)")
NO_PAGES = re.compile(r"^/(?:\.well-known/|favicon\.ico|robots\.txt)")

LINES_BETWEEN_NOTES = 1_024
LINES_TO_TRY = 100
"""If none of the first lines can be read, the source is no log."""

EXAMPLE = '192.0.2.7 - - [25/Nov/2026:10:00:05 +0200] "GET / HTTP/2.0" 200 5'

LONGEST_LINE = 64 * 1024

HALF_WRITTEN = (
    "Line {:,} has no line break, so it may be half written: it is left for the next "
    "import. If it is complete, add a line break: echo >> FILE"
)
"""A half line may look whole. If it counted, the log could not go on after it."""


def read_log(importing: Import) -> Steps:
    """Yield the steps of a log."""
    # pylint: disable-next=contextmanager-generator-missing-cleanup  # a file only
    with open_source(importing.source) as source:
        refuse_other_kinds(source, KIND)
        yield from steps_of(importing, KIND, _Log(importing, source).records())


class _Log:
    """One log that is read."""

    def __init__(self, importing: Import, source: Source) -> None:
        self._importing = importing
        self._source = source
        self._site = importing.site
        self._lines = LogLines()
        self._targets = Targets(importing.site, importing.rules)
        self._files: dict[str, bool] = {}
        self._moments: dict[float, Moment] = {}
        self._latest = time.time() + SECONDS_AHEAD

    def records(self) -> Iterator[Record]:
        """Yield a record for each line."""
        number = bad = 0
        lines = self._source.lines(LONGEST_LINE + 1)
        for number, line in enumerate(lines, start=1):
            raw = line.rstrip(b"\r\n")
            try:
                record = self._record(raw, number)
            except BadLine:
                bad += 1
                if bad == number == LINES_TO_TRY:
                    break
                record = Record(raw, number, None, "" if raw else "empty")
            if not line.endswith(b"\n") and len(line) <= LONGEST_LINE:
                if bad < number:
                    self._importing.tally.notes.append(HALF_WRITTEN.format(number))
                break
            if number % LINES_BETWEEN_NOTES == 0:
                self._importing.on_progress(self._source.position, self._source.size)
            yield record
        if number and bad == number:
            raise ImportRefused(
                f"{self._source.name} is no access log: no line begins like {EXAMPLE}"
            )

    def _record(self, raw: bytes, number: int) -> Record:
        """Return what a line tells. Raises BadLine."""
        if len(raw) > LONGEST_LINE:
            raise BadLine
        try:
            line = self._lines.read(raw.decode(errors="replace"))
        except NoRequest:
            return Record(raw, number, None, "not a request of HTTP")
        reason, view = self._read(line)
        return Record(raw, number, view, reason)

    def _read(self, line: Line) -> tuple[str, Viewed | None]:
        """Return the reason against a request, or its view."""
        if reason := self._reason(line):
            return reason, None
        targets = self._targets
        told = Told() if line.agent is None else targets.agent(line.agent)
        if told.reason:
            return told.reason, None
        target = targets.page(line.target)
        if target.reason:
            return target.reason, None
        source, reason = targets.source(line.referrer, target.source)
        if reason:
            return reason, None
        address = written_address(line.address) or line.address
        if targets.is_own(address):
            return Reason.OWN, None
        moment = self._moments.get(line.at)
        if moment is None:
            try:
                moment = moment_of(self._site, line.at)
            except BadRecord:
                raise BadLine from None
            remember(self._moments, line.at, moment)
        return "", Viewed(
            *(moment.day, moment.hour, target.page, (address, line.agent or "")),
            *(source, told.browser, told.system, told.device),
            *(line.language or UNKNOWN, target.campaign),
            country=self._importing.country_of(address),
        )

    def _reason(self, line: Line) -> str:
        """Return why a request shows no page of the site to anybody."""
        if line.method != "GET":
            return "not GET"
        if line.status not in SHOWN:
            return f"status {line.status // 100}xx"
        host = line.host if line.target.startswith("/") else host_of(line.target)
        if host and not self._targets.is_of_site(host):
            return "another host"
        if line.at > self._latest:
            return "in the future"
        return "not a page" if self._is_file(line.target) else ""

    def _is_file(self, target: str) -> bool:
        """Say whether an address is that of a file, or of something for programs."""
        found = self._files.get(target)
        if found is None:
            path = target.partition("?")[0]
            extension = EXTENSION.search(path.rpartition("/")[2])
            found = bool(extension and extension[1].lower() in FILES)
            found = found or bool(NO_PAGES.match(path))
            remember(self._files, target, found)
        return found
