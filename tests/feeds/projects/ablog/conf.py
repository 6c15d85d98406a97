"""How Sphinx and ABlog build the site."""

project = "Fish & Chips"
extensions = ["myst_parser", "ablog"]
blog_title = "Fish & Chips"
blog_baseurl = "https://halyard.example/"
blog_feed_fulltext = True
post_date_format = "%Y-%m-%d"
