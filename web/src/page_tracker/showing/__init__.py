"""Ways in which a number is shown."""
