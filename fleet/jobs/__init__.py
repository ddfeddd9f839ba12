"""What happens by the clock: the one table of scheduled jobs."""
