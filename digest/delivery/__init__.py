"""One issue's way out.

`sending` is the task, `sender` one connection's part, `windows` a sender's hold on the ledger, and
`messages` one reader's message.
"""
