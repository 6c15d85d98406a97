"""The tests of Digest. They mirror its packages; conftest.py holds what all of them may ask for."""
