"""Other systems hear of alerts and tickets: who, of what, and what has come of it."""
