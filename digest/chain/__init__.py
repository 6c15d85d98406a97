"""The hash chain over a log of events: consents, and what was done at the desk.

Entered by `log.Log` (what a log says of itself), `sealing.seal`, `verifying.verify_chain`,
`links.chain_lines` and `heads.find_head`.
"""
