#!/usr/bin/env bash
# pelican[markdown] 4.12.0 (PyPI), Python 3.11.
#
# Feeds lose each word in angle brackets of a title, with nothing in its place, though an Atom title
# without a `type` is plain text. Of several authors only the first is in the feeds, where Atom
# would have one element for each. The build ends with 0.
#
# Seen on 2026-11-30:
#   Vector explained | Ada
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'pelican[markdown]==4.12.0'
mkdir content
cat >pelicanconf.py <<'PYTHON'
SITENAME = "A site"
SITEURL = "https://example.com"
PATH = "content"
TIMEZONE = "UTC"
FEED_ALL_ATOM = "atom.xml"
PYTHON
cat >content/post.md <<'MARKDOWN'
Title: Vector<int> explained
Date: 2026-11-02
Authors: Ada; Bo

Text.
MARKDOWN
venv/bin/pelican --quiet >/dev/null
said=$(venv/bin/python -c '
import xml.etree.ElementTree as tree
atom = "{http://www.w3.org/2005/Atom}"
entry = tree.parse("output/atom.xml").find(f"{atom}entry")
names = [name.text for name in entry.iter(f"{atom}name")]
print(entry.findtext(f"{atom}title"), "|", ", ".join(names))')
echo "$said"
[ "$said" = 'Vector explained | Ada' ]
