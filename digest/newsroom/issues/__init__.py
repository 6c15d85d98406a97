"""From articles to an approved issue.

Entered by the tick's `agenda.keep_agenda`, and by `composing`, `approving`, `scheduling`.
"""
