"""The commands of `fleet`, one file a subject; `fleet.cli` puts them together."""
