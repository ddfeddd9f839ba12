"""What is kept: models (one file an aggregate), the bulk writer, and the read side (`queries`)."""
