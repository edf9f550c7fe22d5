"""The configuration of gunicorn, which serves Page Tracker.

`page-tracker serve` uses it, and so does
`gunicorn -c python:page_tracker.gunicorn_config`. The settings are checked here, in the
master: otherwise gunicorn would restart a failing worker forever.
"""

import logging
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from page_tracker.environment import SettingsError, load_settings
from page_tracker.log_levels import read_levels
from page_tracker.operating import files
from page_tracker.operating.levels import Levels, LevelsFile
from page_tracker.operating.logs import KEEPS_PARAMETERS, logging_configuration
from page_tracker.operating.master import drain_at_signal, exit_at_signal
from page_tracker.operating.readiness import NotReady
from page_tracker.operating.starting import check_start, setup_link
from page_tracker.operating.tallies import Tallies
from page_tracker.operating.traces import TracesError, exporter_of
from page_tracker.operating.worker import DrainingWorker

# pylint: disable=invalid-name  # gunicorn asks for these names

try:
    settings = load_settings()
    exporter_of()
except (SettingsError, TracesError) as error:
    sys.exit(f"Error: {error}")

# A name server may not answer for the name of a stopped Redis. The lookup then takes 8
# seconds in Docker by default, and no timeout of the Redis client covers it.
os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:1")

# A core dump would have the addresses of the visitors who just came.
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

files.allow_many()

wsgi_app = "page_tracker.app:asgi"
proc_name = "page-tracker"
bind = [settings.bind, *([settings.metrics] if settings.metrics else [])]

# Not from the number of cores: in a container it is the host's.
workers = settings.workers
reload = settings.reload

# Docker kills a container 10 seconds after asking it to stop.
graceful_timeout = 8

# A worker touches a file to show that it runs. That must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # nosec B108

# The control socket needs a home folder to write to.
control_socket_disable = True

# Under nohup, before gunicorn sets signals of its own.
ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

worker_class = DrainingWorker

# Without an address for metrics, no worker shares its numbers.
tallies = Tallies() if settings.metrics else None


class WithoutAccessLog(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's logger without its access log; `http/edge.py` writes ours.

    gunicorn's would hold the visitor's address and user agent. With a `logconfig_dict`,
    gunicorn makes each line even if no handler writes it.
    """

    access_log_enabled = False


logger_class = WithoutAccessLog
accesslog = None
logconfig_dict = logging_configuration(settings)


def on_starting(_master: Arbiter) -> None:
    """End if this Redis will never count a view."""
    exit_at_signal()
    try:
        check_start(settings)
    except NotReady as error:
        sys.exit(f"Error: {error}")


def on_exit(_master: Arbiter) -> None:
    """Tell `page-tracker log-level` that nothing runs."""
    with suppress(OSError):
        LevelsFile(settings.bind).end()


def when_ready(master: Arbiter) -> None:
    """Log the address, and drain at signals: under nohup, not at SIGHUP."""
    logging.getLogger("page_tracker").info(
        "Page Tracker: http://%s, counting in %s", settings.bind, settings.redis_address
    )
    drain_at_signal(master, drains_at_hangup=not ignores_hangup)
    if link := setup_link(settings):
        # The operator reads it here. It is worth nothing once there is a user.
        logging.getLogger("page_tracker").info(
            "Sign in: %s (works once, for an hour)",
            link,
            extra={KEEPS_PARAMETERS: True},
        )
    try:  # not earlier: another server may have this address
        LevelsFile(settings.bind).begin()
    except OSError as error:
        logging.getLogger("page_tracker").warning("log-level cannot be used: %s", error)


def pre_fork(_master: Arbiter, worker: DrainingWorker) -> None:
    """Give the worker a place for its numbers."""
    worker.tallies = tallies
    worker.place = tallies.take_place() if tallies else 0


def post_fork(master: Arbiter, worker: DrainingWorker) -> None:
    """Give the worker the signals that it got already, and the levels of its log."""
    worker.signals_of_master = master.SIG_QUEUE
    worker.levels = Levels(settings.bind, read_levels(settings.log_level))


def child_exit(_master: Arbiter, worker: DrainingWorker) -> None:
    """Keep the numbers of a worker that has ended."""
    if tallies and worker.place:
        tallies.end(worker.place)
