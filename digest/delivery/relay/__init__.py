"""The server that we hand mail to.

Entered by `connecting.connect_to_relay`, `pacing.open_pace` and `backoff.wait_before`.
"""
