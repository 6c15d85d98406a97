#!/usr/bin/env bash
# Django 5.2.19 (PyPI), Python 3.11.
#
# An Atom feed of the syndication framework has entries without <updated>, unless the class defines
# item_updateddate: item_pubdate alone gives <published>. RFC 4287, section 4.1.2, wants exactly one
# <updated> in each entry and only allows <published>. A reader that asks for <updated> finds no
# date. The feed itself gets an <updated>, made of its entries' <published>.
#
# Seen on 2026-11-30:
#   feed updated: 1, entry published: 1, entry updated: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check django==5.2.19
cat >write.py <<'PYTHON'
import xml.etree.ElementTree as tree
from datetime import UTC, datetime

import django
from django.conf import settings
from django.test import RequestFactory
from django.utils.feedgenerator import Atom1Feed

settings.configure(ALLOWED_HOSTS=["example.com"], USE_TZ=True)
django.setup()

from django.contrib.syndication.views import Feed


class Latest(Feed):
    feed_type = Atom1Feed
    title = subtitle = "A site"
    link = "/"

    def items(self):
        return ["A post"]

    def item_title(self, item):
        return item

    def item_link(self, item):
        return "/1/"

    def item_pubdate(self, item):
        return datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


request = RequestFactory().get("/", HTTP_HOST="example.com")
feed = tree.fromstring(Latest()(request).content)
atom = "{http://www.w3.org/2005/Atom}"
entry = feed.find(f"{atom}entry")
print(
    f"feed updated: {len(feed.findall(f'{atom}updated'))},",
    f"entry published: {len(entry.findall(f'{atom}published'))},",
    f"entry updated: {len(entry.findall(f'{atom}updated'))}",
)
PYTHON
said=$(venv/bin/python write.py)
echo "$said"
[ "$said" = 'feed updated: 1, entry published: 1, entry updated: 0' ]
