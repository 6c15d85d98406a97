// A blog and nothing else.
export default {
  title: "Fish & Chips",
  url: "https://halyard.example",
  baseUrl: "/",
  onBrokenLinks: "ignore",
  markdown: { format: "md" },
  presets: [
    [
      "classic",
      {
        docs: false,
        pages: false,
        blog: {
          routeBasePath: "/",
          archiveBasePath: null,
          onUntruncatedBlogPosts: "ignore",
          onInlineAuthors: "ignore",
          onInlineTags: "ignore",
          feedOptions: { type: "all", copyright: "2026" },
        },
      },
    ],
  ],
};
