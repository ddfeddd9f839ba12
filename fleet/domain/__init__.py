"""Pure rules: no clock, no database, no network. `now` is always an argument."""
