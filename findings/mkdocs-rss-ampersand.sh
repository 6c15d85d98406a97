#!/usr/bin/env bash
# mkdocs 1.6.1 with mkdocs-rss-plugin 1.19.0 (PyPI), Python 3.11.
#
# An ampersand in the site's name or in a page's category makes the RSS feed ill-formed XML, while
# the build ends with 0 and says nothing. The channel's title is escaped; <source>, the title of
# <image> and <category> are not. The XML parser of Python's standard library refuses the feed.
#
# Seen on 2026-11-30:
#   <category>R&D</category>
#   <source url="https://example.com/feed_rss_created.xml">Fish & Chips</source>
#   ill-formed
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mkdocs==1.6.1 mkdocs-rss-plugin==1.19.0
mkdir docs
cat >mkdocs.yml <<'YAML'
site_name: Fish & Chips
site_url: https://example.com/
plugins:
  - rss:
      use_git: false
      match_path: post.md
      categories: [tags]
YAML
printf '# Home\n' >docs/index.md
printf -- '---\ntags: ["R&D"]\n---\n\n# A post\n\nText.\n' >docs/post.md
venv/bin/mkdocs --quiet build
grep -o '<category>[^/]*</category>' site/feed_rss_created.xml | head -1 | tee said
grep -o '<source [^>]*>[^/]*</source>' site/feed_rss_created.xml | head -1 | tee -a said
venv/bin/python -c '
import xml.etree.ElementTree as tree
try:
    tree.parse("site/feed_rss_created.xml")
    print("well-formed")
except tree.ParseError:
    print("ill-formed")' | tee -a said
diff said - <<'SEEN'
<category>R&D</category>
<source url="https://example.com/feed_rss_created.xml">Fish & Chips</source>
ill-formed
SEEN
