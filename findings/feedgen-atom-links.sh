#!/usr/bin/env bash
# feedgen 1.0.0 (PyPI), Python 3.11.
#
# An entry's links lose everything but their address in Atom. `entry.enclosure(url, length, type)`
# and `entry.link(href=…, rel="self")` are both written as `<link href="…"/>`. A link without `rel`
# is an alternate (RFC 4287, section 4.2.7.2), so a reader sees the sound or picture as a second
# page of the entry; where it stands first, as the page itself. RSS from the same entry is right.
#
# Seen on 2026-11-30:
#   <link href="https://example.com/1.mp3"/><link href="https://example.com/1/"/>
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check feedgen==1.0.0
cat >"$folder/write.py" <<'PYTHON'
from feedgen.feed import FeedGenerator

feed = FeedGenerator()
feed.id("https://example.com/")
feed.title("A show")
entry = feed.add_entry()
entry.id("https://example.com/1/")
entry.title("The first episode")
entry.enclosure("https://example.com/1.mp3", 9000, "audio/mpeg")
entry.link(href="https://example.com/1/", rel="alternate")
print(feed.atom_str().decode())
PYTHON
said=$("$folder/venv/bin/python" "$folder/write.py" | grep -o '<link[^>]*>' | tr -d '\n')
echo "$said"
[ "$said" = '<link href="https://example.com/1.mp3"/><link href="https://example.com/1/"/>' ]
