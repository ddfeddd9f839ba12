"""Use cases: one file, one transaction each."""
