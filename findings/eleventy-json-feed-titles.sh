#!/usr/bin/env bash
# @11ty/eleventy 3.1.8 with @11ty/eleventy-plugin-rss 3.0.0 (npm), Node.js 20.
#
# The plugin's JSON Feed has titles that are escaped as for HTML. JSON Feed's `title` is plain text
# (jsonfeed.org/version/1.1: only `content_html` may hold HTML), so a reader that keeps to it shows
# "Tea &amp; &lt;dialog&gt;", the feed's own title included. The plugin's Atom and RSS are right.
#
# Seen on 2026-11-30:
#   Fish &amp; Chips | Tea &amp; the &lt;dialog&gt; element
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
    @11ty/eleventy@3.1.8 @11ty/eleventy-plugin-rss@3.0.0
cat >eleventy.config.mjs <<'JAVASCRIPT'
import { feedPlugin } from "@11ty/eleventy-plugin-rss";

export default function (config) {
  config.addPlugin(feedPlugin, {
    type: "json",
    outputPath: "/feed.json",
    collection: { name: "posts", limit: 0 },
    metadata: {
      language: "en",
      title: "Fish & Chips",
      base: "https://example.com/",
      author: { name: "Ada" },
    },
  });
}
JAVASCRIPT
cat >post.md <<'MARKDOWN'
---
title: "Tea & the <dialog> element"
date: 2026-11-02
tags: posts
---
Text.
MARKDOWN
npx eleventy --quiet >/dev/null
said=$(node -e '
  const feed = JSON.parse(require("fs").readFileSync("_site/feed.json", "utf8"));
  console.log(`${feed.title} | ${feed.items[0].title}`);')
echo "$said"
[ "$said" = 'Fish &amp; Chips | Tea &amp; the &lt;dialog&gt; element' ]
