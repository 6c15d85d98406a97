"""Who works at the desk, and the log of what they did. No Flask here.

Entered by `users` (who there is, and what each may do), `passwords` and `second_factor`,
`passkeys` (what stands for both), `links` (how a user comes to a password, and to none),
`sessions` (browsers that are signed in), `audit` (what was done, by whom, to which row) and
`audit_chain` (what seals that).
"""
