"""Reading a feed in a process of its own, which a hostile feed may spoil without any harm.

Entered by `asking.read_apart`, which takes and gives what `feeds.read_feed` does. In the worker:
`asking` (the child's life, and the pipe), `answers` (what it says, doubted). In the child:
`__main__`, `serving` (feed after feed), `sealing` (what the child can no longer do).
"""
