"""Subscription bombing: many sign-ups for a few addresses that never asked, from many networks.

`python -m tests.bombing` plays it against the Procfile's processes; the suite plays a smaller one.
"""
