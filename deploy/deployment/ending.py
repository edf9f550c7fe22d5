"""How a command ends: with a status, and a last line that says why."""

from collections.abc import Callable

from deployment.errors import (
    BusyError,
    DeploymentError,
    RefusedError,
    Status,
    UnsettledError,
)
from deployment.interruption import Interruption
from deployment.output import say


def status_of(action: Callable[[], int]) -> int:
    """Do it, and return the status."""
    try:
        return action()
    except RefusedError as error:
        say(f"Refused: {error}")
        return Status.REFUSED
    except BusyError as error:
        say(f"Busy: {error}")
        return Status.BUSY
    except UnsettledError as error:
        say(f"Left as it is, for the next one to settle: {error}")
        return Status.STUCK
    except DeploymentError as error:
        say(f"Failed: {error}")
        return Status.WENT_BACK
    except Interruption as error:
        say(f"{error}, before this deployment began.")
        return error.status
