#!/usr/bin/env bash
# ablog 0.11.13, sphinx 8.2.3 and myst-parser 4.0.1 (PyPI), Python 3.11.
#
# Of a post's several authors only the last is in the Atom feed. Where a post begins with a picture,
# the words of the picture become the entry's summary, in place of the first paragraph.
# The build ends with 0.
#
# Seen on 2026-11-30:
#   Bo | Boats at dusk
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    ablog==0.11.13 sphinx==8.2.3 myst-parser==4.0.1
cat >conf.py <<'PYTHON'
project = "A site"
extensions = ["myst_parser", "ablog"]
blog_title = "A site"
blog_baseurl = "https://example.com/"
post_date_format = "%Y-%m-%d"
PYTHON
printf '# Home\n' >index.md
cat >post.md <<'MARKDOWN'
---
blogpost: true
date: "2026-11-02"
author: Ada, Bo
---

# A post

![Boats at dusk](https://example.com/i.jpg)

The first paragraph.
MARKDOWN
venv/bin/sphinx-build -q . out >/dev/null 2>&1
said=$(venv/bin/python -c '
import xml.etree.ElementTree as tree
atom = "{http://www.w3.org/2005/Atom}"
entry = tree.parse("out/blog/atom.xml").find(f"{atom}entry")
names = [name.text for name in entry.iter(f"{atom}name")]
print(", ".join(names), "|", entry.findtext(f"{atom}summary"))')
echo "$said"
[ "$said" = 'Bo | Boats at dusk' ]
