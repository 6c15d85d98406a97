// Writes posts.json as RSS, by the package rss.
import { readFileSync, writeFileSync } from "node:fs";
import RSS from "rss";

const given = JSON.parse(readFileSync("posts.json", "utf8"));
const feed = new RSS({ title: given.name, site_url: given.site, feed_url: `${given.site}rss.xml` });
for (const post of given.posts) {
  feed.item({
    title: post.title,
    url: `${given.site}${post.slug}/`,
    description: post.summary || post.html,
    author: post.authors.join(", "),
    categories: post.categories,
    date: post.written_at,
    enclosure: post.picture ? { url: post.picture, type: "image/jpeg", size: 9000 } : undefined,
  });
}
writeFileSync("rss.xml", feed.xml());
