"""Who works at the desk, and the log of what they did. No Flask here.

Entered by `users` (who there is, and what each may do), `signing_in` (passwords, second factors),
`links` (how a user comes to a password), `sessions` (browsers that are signed in), `audit` (what
was done, by whom, to which row) and `audit_chain` (what seals that).
"""
