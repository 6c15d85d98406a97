"""How Sphinx builds the documentation."""

project = "Digest"
copyright = "2026, the Digest founders"  # noqa: A001 - Sphinx reads this name
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Digest"
html_static_path: list[str] = []
