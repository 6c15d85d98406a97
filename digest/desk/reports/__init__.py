"""What became of newsletters and issues, in numbers and the sentence that they come to.

Entered by `newsletter.report_newsletter` and `issue.report_issue`. They read small tables of counts
(`digest.models.counted`), and no reader's or delivery's row. The desk draws their figures, and the
commands print them.
"""
