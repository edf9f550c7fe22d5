"""Ways a view arrives, one module each. None knows Flask or gunicorn."""
