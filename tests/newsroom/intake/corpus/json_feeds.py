"""JSON Feed: one odd item is that item's own trouble."""

from typing import Any

from tests.newsroom.intake.corpus.samples import PAGE, Sample, Wanted, json_feed, json_item

POINT = "JSON Feed"
GOOD = json_item(2, title="The quay")
GOOD_WANTED = Wanted("The quay", f"{PAGE}2")


def odd(name: str, first: Any) -> Sample:
    """Return a feed whose first item is odd, and may come in or not; the second must."""
    return Sample(name, POINT, json_feed(first, GOOD), (GOOD_WANTED,), may=(f"{PAGE}1",))


SAMPLES = (
    odd("authors is an object", json_item(authors={"name": "Ada"})),
    odd("an author is a string", json_item(authors=["Ada"])),
    odd("an item is null", None),
    odd("an item is a list", [json_item()]),
    odd("a date is a number", json_item(date_published=1793610000)),
    odd("a title is a number", json_item(title=7)),
    odd("content is a list", json_item(content_html=["<p>Open.</p>"])),
    odd("tags hold null", json_item(tags=[None, "Port"])),
    odd("attachments is an object", json_item(attachments={"url": "x"})),
    odd("an address is an object", json_item(url={"href": f"{PAGE}1"})),
    Sample("an id is a number", POINT, json_feed(json_item(id=7)), (Wanted(),)),
    Sample("a mark before the brace", POINT, b"\xef\xbb\xbf" + json_feed(GOOD), (GOOD_WANTED,)),
    Sample(
        "version 1.0",
        POINT,
        json_feed(GOOD, version="https://jsonfeed.org/version/1"),
        (GOOD_WANTED,),
    ),
    Sample(
        "an item without a title stays out",
        POINT,
        json_feed(json_item(title=None, content_text="Open."), GOOD),
        (GOOD_WANTED,),
        others=1,
    ),
    Sample("JSON that is no feed", POINT, b'{"items": 7}', refused=True),
)
