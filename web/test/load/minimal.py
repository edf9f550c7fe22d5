"""The least that counts: what Page Tracker's speed is compared with.

gunicorn --workers 1 --worker-class sync minimal:app
"""

import os

from flask import Flask
from redis import Redis

app = Flask(__name__)
redis = Redis.from_url(os.environ["REDIS_URL"])


@app.get("/")
def count() -> str:
    """Count a view and say how many there were."""
    return f"This page has been seen {redis.incr('page_views')} times."
