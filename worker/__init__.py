"""The Celery side: tasks that open the runtime and call one function each."""
