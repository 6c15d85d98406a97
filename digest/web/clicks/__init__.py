"""Counting who follows a story's link, without knowing who: `counting` is entered by its view.

`followers` tells the networks that follow links as no person does; it holds an HMAC of each for
seconds. Nothing of a request is ever written down: see docs/decisions/0037-counting-clicks.md.
"""
