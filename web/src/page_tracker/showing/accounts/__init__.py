"""Pages of accounts: sign in, users, tokens."""
