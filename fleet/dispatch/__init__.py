"""Out: what the service has decided to say, spoken after its commit."""
