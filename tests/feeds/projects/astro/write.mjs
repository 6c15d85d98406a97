// Writes posts.json as RSS, by Astro's @astrojs/rss.
import { readFileSync, writeFileSync } from "node:fs";
import { getRssString } from "@astrojs/rss";

const given = JSON.parse(readFileSync("posts.json", "utf8"));
const rss = await getRssString({
  title: given.name,
  description: given.name,
  site: given.site,
  items: given.posts.map((post) => ({
    title: post.title,
    link: `/${post.slug}/`,
    description: post.summary || undefined,
    content: post.html,
    author: post.authors[0],
    categories: post.categories,
    pubDate: new Date(post.written_at),
    enclosure: post.picture ? { url: post.picture, type: "image/jpeg", length: 9000 } : undefined,
  })),
});
writeFileSync("rss.xml", rss);
