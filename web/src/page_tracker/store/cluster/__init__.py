"""Redis Cluster and Sentinels, for counters that outgrow one Redis."""
