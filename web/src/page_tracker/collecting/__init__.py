"""Ways a view arrives, one module each."""
