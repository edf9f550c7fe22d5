"""What every way in and out shares: forms of answers, errors, who asks."""
