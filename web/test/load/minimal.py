"""The smallest counter: the baseline for the speed of Page Tracker.

gunicorn --workers 1 --worker-class sync minimal:app
"""

import os

from flask import Flask
from redis import Redis

app = Flask(__name__)
redis = Redis.from_url(os.environ["REDIS_URL"])


@app.get("/")
def count() -> str:
    """Count a view, and return the sentence with the number."""
    return f"This page has been seen {redis.incr('page_views')} times."
