"""What some visitors are shown and others not, and what that tells."""
