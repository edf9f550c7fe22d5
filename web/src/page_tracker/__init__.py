"""Count how often pages are seen, exactly, and show it."""
