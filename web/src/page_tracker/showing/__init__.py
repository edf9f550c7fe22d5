"""Ways a number is shown."""
