"""How gunicorn serves Page Tracker in production.

For `page-tracker serve`, and for `gunicorn -c python:page_tracker.gunicorn_config`.
Settings are checked here, in the master: a worker that can not start would be started
again and again.
"""

import logging
import os
import signal
import sys
from pathlib import Path

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from page_tracker.flags.file import FlagsError, read_flags
from page_tracker.operating.logs import logging_configuration
from page_tracker.settings import SettingsError, load_settings, variable
from page_tracker.tracking.site import SiteError, sites_of_settings

# pylint: disable=invalid-name  # gunicorn asks for these names

try:
    settings = load_settings()
    sites_of_settings(settings.sites)
    if settings.flags:
        read_flags(settings.flags)
except SettingsError as error:
    sys.exit(f"Error: {error}")
except SiteError as error:
    sys.exit(f"Error: {variable('sites')}: {error}")
except FlagsError as error:
    sys.exit(f"Error: {variable('flags')}: {error}")

# The name of a Redis that is gone may be looked up at a name server that does not
# answer: 8 seconds in Docker by default, which no timeout of the Redis client covers.
os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:1")

wsgi_app = "page_tracker.app:app"
proc_name = "page-tracker"
bind = settings.bind

# Whose word counts on what the visitor connected to: its scheme, a path in front.
forwarded_allow_ips = ",".join(map(str, settings.proxies))

# An idle connection is closed after so many seconds. The proxy does so after 15: where
# the server came first, it might just then be sent a view, which nobody would count.
keepalive = 20

# Never from the host's cores: in a container they are not ours.
workers = settings.workers
threads = settings.threads
reload = settings.reload

# Docker kills a container 10 seconds after it was asked to stop.
graceful_timeout = 8

# A worker shows that it is alive by touching a file, which may not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # nosec B108

# The control socket wants a home folder that can be written.
control_socket_disable = True

# Under nohup, before gunicorn sets signals of its own.
ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


class DrainingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's worker with threads, which stops listening as soon as it is to stop.

    gunicorn's would listen until its last connection is closed, without accepting: who
    connects meanwhile sends a view, and never learns whether it was counted. Refused, a
    proxy knows that it was not, and asks another replica.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take new connections or not; when it is to stop, those that wait are last."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                taken = None
                while taken != self.nr_conns:
                    taken = self.nr_conns
                    self.accept(listener)
                listener.close()


worker_class = DrainingWorker


class WithoutAccessLog(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's logger, but for its access log: `operating/request_log.py` has ours.

    It would hold the visitor's address and user agent, and with a `logconfig_dict`
    gunicorn prepares each line even where nothing takes it.
    """

    access_log_enabled = False


logger_class = WithoutAccessLog
accesslog = None
logconfig_dict = logging_configuration(settings)


def when_ready(_server: object) -> None:
    """Say where to look, and end when the terminal is closed, but for nohup.

    gunicorn would reload its configuration then; ours comes from the environment, which
    does not change.
    """
    logging.getLogger("page_tracker").info(
        "Page Tracker: http://%s, counting in %s", bind, settings.redis_address
    )
    if ignores_hangup:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
