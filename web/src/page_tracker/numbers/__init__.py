"""The numbers of a site that owners read, by period, as data."""
