"""Everything of one site as a file, for people who leave, and back into a site."""
