"""The image that counts a view where no script runs: one transparent pixel."""

IMAGE = bytes.fromhex(
    "47494638396101000100800000000000ffffff"
    "21f90401000000002c00000000010001000002024401003b"
)
"""A GIF of 43 bytes."""
