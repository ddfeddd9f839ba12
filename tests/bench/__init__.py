"""Benchmarks that anyone can run: `make bench-*`. Their tables are in docs/benchmarks.md."""
