"""Ends of a deployment other than the good one, with the status of the command."""

from enum import IntEnum


class Status(IntEnum):
    """What the command exits with."""

    KEPT = 0
    WENT_BACK = 1
    REFUSED = 2
    STUCK = 3
    BUSY = 75


class DeploymentError(Exception):
    """A step failed, for the reason that this says."""


class UnsettledError(DeploymentError):
    """Something was left in the middle, for the next deployment to settle."""


class RefusedError(Exception):
    """What was asked for will not do, and nothing was touched: says what would do."""


class BusyError(Exception):
    """Another deployment of this stack is on its way."""
