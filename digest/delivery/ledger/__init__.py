"""Who is to get an issue, and what became of each: every statement that moves a row of the ledger.

Entered by `freezing.freeze`, `claiming`, and the tick's `sweeping`, `retention`, `restoring`.
"""
