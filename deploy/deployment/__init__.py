"""How a version of Page Tracker comes to be what visitors get, or does not."""
