"""The read side: what pages and API show, fetched in the columns that they need and no more."""
