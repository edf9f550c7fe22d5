"""The error of a backup or a restore."""


class BackupError(Exception):
    """A backup or a restore failed; the message is one line for people."""


class DamagedNote(BackupError):
    """The note of a backup cannot be used."""
