"""Rollouts: one version to many devices, in rings, and never at the cost of a ward."""
