// The feeds of the documentation of @11ty/eleventy-plugin-rss.
import { feedPlugin } from "@11ty/eleventy-plugin-rss";

const metadata = {
  language: "en",
  title: "Fish & Chips",
  subtitle: "Fish & Chips",
  base: "https://halyard.example/",
  author: { name: "Ada Lark" },
};

export default function (config) {
  for (const [type, outputPath] of [
    ["atom", "/atom.xml"],
    ["rss", "/rss.xml"],
    ["json", "/feed.json"],
  ]) {
    config.addPlugin(feedPlugin, {
      type,
      outputPath,
      collection: { name: "posts", limit: 0 },
      metadata,
      templateData: { eleventyNavigation: null },
    });
  }
}
