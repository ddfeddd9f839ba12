"""What another system is told of, where it may stand, and how long it is tried."""
