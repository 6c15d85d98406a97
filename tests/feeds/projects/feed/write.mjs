// Writes posts.json as RSS, Atom and JSON Feed, by the package feed.
import { readFileSync, writeFileSync } from "node:fs";
import { Feed } from "feed";

const given = JSON.parse(readFileSync("posts.json", "utf8"));
const feed = new Feed({ title: given.name, id: given.site, link: given.site, copyright: "2026" });
for (const post of given.posts) {
  feed.addItem({
    title: post.title,
    id: `${given.site}${post.slug}/`,
    link: `${given.site}${post.slug}/`,
    description: post.summary || undefined,
    content: post.html,
    author: post.authors.map((name) => ({ name })),
    category: post.categories.map((name) => ({ name })),
    date: new Date(post.written_at),
    image: post.picture || undefined,
  });
}
writeFileSync("rss.xml", feed.rss2());
writeFileSync("atom.xml", feed.atom1());
writeFileSync("feed.json", feed.json1());
