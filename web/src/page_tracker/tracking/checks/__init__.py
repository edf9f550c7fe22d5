"""What `page-tracker verify` checks in Redis."""
