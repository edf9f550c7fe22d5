"""What keeps the service running and tells its operator how it fares."""
