"""Backup, restore and the drill that proves them; what they are for stands in docs/recovery.md."""
