"""Preflight: what would embarrass an issue, found before it goes out.

Entered by `watching.look_now` (with its links asked), `checking.look_over` (fetching nothing),
`accepting.accept`, `clearing.clear` (a person sends it on its way), `clearing.hold_back` (the
freeze) and `watching.look_again` (the tick's last look).
"""
