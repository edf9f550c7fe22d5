"""How Page Tracker reaches Redis. It knows nothing of views, sites or Flask."""
