"""Chaos: real processes and servers, broken at random moments of a send, and the reckoning after.

`python -m tests.chaos` plays it; docs/explanation/chaos.md tells how.
"""
