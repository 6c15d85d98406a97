"""Preflight: what would embarrass an issue, found before it goes out.

Entered by `checking.look_over`, `asking.ask_links`, `accepting.accept`, `clearing.clear`,
`clearing.hold_back` and `watching.look_again`.
"""
