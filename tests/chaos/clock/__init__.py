"""A folder for PYTHONPATH: what is in it moves the clock of the processes started with it."""
