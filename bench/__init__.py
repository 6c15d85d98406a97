"""How fast it is: `python -m bench` (docs/howto/benchmark.md) measures the product as it is run.

PostgreSQL with every commit on disk, Redis, Postfix's smtp-sink, and the Procfile's processes. What
a rival does stands beside each figure, from the same run: the ratio is what can be compared.
"""
