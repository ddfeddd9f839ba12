"""Rollouts: proposed by one person, approved by another, driven by the scheduler."""
