#!/usr/bin/env bash
# feed 6.0.0 (npm), Node.js 20; Docusaurus 3.10.2 brings version 4.2.2, which does the same.
#
# A title is written to Atom as `type="html"` with the text as it is, in CDATA. By RFC 4287, section
# 3.1.1.2, the content then is markup: a reader that keeps to it takes "<int>" for a tag, and shows
# "Vector explained". JSON Feed from the same item has the text. In version 4.2.2 an ampersand in a
# category, too, is written to an attribute as it is, and the whole feed is ill-formed XML.
#
# Seen on 2026-11-30:
#   6.0.0 <title type="html"><![CDATA[Vector<int> explained]]></title>
#   6.0.0 <category label="R&amp;D" term="r-d"/>
#   4.2.2 <title type="html"><![CDATA[Vector<int> explained]]></title>
#   4.2.2 <category label="R&D" term="r-d"/>
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >write.mjs <<'JAVASCRIPT'
import { Feed } from "feed";

const site = "https://example.com/";
const feed = new Feed({ title: "A site", id: site, link: site, copyright: "" });
feed.addItem({
  title: "Vector<int> explained",
  id: `${site}1/`,
  link: `${site}1/`,
  date: new Date("2026-11-02T09:00:00Z"),
  category: [{ name: "R&D", term: "r-d" }],
});
console.log(feed.atom1());
JAVASCRIPT
for version in 6.0.0 4.2.2; do
    npm install --silent --no-audit --no-fund --ignore-scripts "feed@$version"
    node write.mjs | grep -oE '<title type=.*|<category .*' | sed "s/^/$version /"
done | tee said
diff said - <<'SEEN'
6.0.0 <title type="html"><![CDATA[Vector<int> explained]]></title>
6.0.0 <category label="R&amp;D" term="r-d"/>
4.2.2 <title type="html"><![CDATA[Vector<int> explained]]></title>
4.2.2 <category label="R&D" term="r-d"/>
SEEN
