"""What makes a benchmark fail, in words."""


class BenchError(Exception):
    """A figure that would not be true, or that cannot be had: the bench exits with 1."""
