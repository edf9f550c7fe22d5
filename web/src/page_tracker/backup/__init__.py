"""Backups of all counts: archives in a folder or in object storage."""
