"""What the tests of the deployment share."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
"""The checkout."""
