"""Evidence, its chain and its proof.

Entered by `recording.record_consent`, `sealing.seal_consents`, `verifying.verify_chain` and
`proving.prove`.
"""
