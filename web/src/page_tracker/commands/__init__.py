"""What the page-tracker command does besides serving."""
