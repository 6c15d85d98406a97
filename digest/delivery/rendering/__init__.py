"""From an issue to the bytes of its variants.

Entered by `issue.render_issue` and `notice.build_notice`; what comes out is a `stencil.Stencil`.
"""
