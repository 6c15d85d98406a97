"""Newsletters at the desk: made and changed as by the command, with what is wrong said."""

import io
import json
import re
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from digest.database.transactions import Database
from digest.desk.audit import list_events
from digest.models import Media, Newsletter, Publication, Role, Source
from digest.newsroom.finding import values_of
from digest.newsroom.intake.sources import add_source
from tests.cli.conftest import NEWSLETTER, CommandLine
from tests.factories import NOW, make_article
from tests.web.conftest import hidden, words
from tests.web.desk.conftest import Colleague, Join

PAGE = "/desk/newsletters"
NEW = {
    "slug": "brief", "name": "Editor’s Digest", "promise": "Eight stories, every Saturday.",
    "editor_name": "Imara Vance-Oduya", "editor_email": "imara@halyard.example",
    "from_address": "digest@halyard.example", "from_name": "", "reply_to": "", "topics": "",
    "postal_address": "4 Ropewalk Yard, Varrholm VH1 2AB", "weekday": "5", "local_time": "07:00",
    "zone": "Europe/London", "accent": "#006B5E", "language": "en", "languages": "",
    "compose_hours": "24", "close_hours": "1", "approval": "automatic", "story_count": "8",
    "story_min": "3", "story_max_age_days": "14", "briefs_heading": "Also on my desk",
    "in_doubt_policy": "hold", "action": "save",
}  # fmt: skip


def stands(database: Database, newsletter_id: int) -> dict[str, Any]:
    with database.reading() as session:
        return dict(vars(values_of(session.get_one(Newsletter, newsletter_id))))


def sent(proof: str, name: str, content: bytes) -> dict[str, Any]:
    """Return a form with a file as a browser sends it; the test client leaves a large one open."""
    parts = (
        ('name="proof"', proof.encode()),
        (f'name="{name}"; filename="me.png"\r\nContent-Type: image/png', content),
    )
    body = b"".join(
        b"--x\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + said + b"\r\n"
        for head, said in parts
    )
    return {"data": body + b"--x--\r\n", "content_type": "multipart/form-data; boundary=x"}


def png(width: int) -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (width, width), "#006B5E").save(file, "PNG")
    file.seek(0)
    return file


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_desk_makes_is_what_the_command_makes(
    imara: Colleague, database: Database, command_line: CommandLine
) -> None:
    made = imara.press(f"{PAGE}/new", f"{PAGE}/new", **NEW)
    assert made.location == f"{PAGE}/2?done=made"
    said = command_line(*(word.replace("editors-digest", "by-command") for word in NEWSLETTER))
    assert said.exit_code == 0, said.err
    assert stands(database, 2) | {"slug": ""} == stands(database, 3) | {"slug": ""}
    taken = imara.press(f"{PAGE}/new", f"{PAGE}/new", **NEW)
    assert (taken.status_code, "called brief already" in words(taken)) == (422, True)

    with database.transaction() as session:
        add_source(session, "https://halyard.example/feed", NOW, name="The Wire")
        make_article(session, "eel", section="Sea")
    page = f"{PAGE}/2"
    stamp = hidden(imara.get(page).text, "stamp")
    changed = NEW | {
        "stamp": stamp, "name": "The Brief", "topics": "sea = The sea\r\neconomy=Money",
        "languages": "de, fr", "weekday": "6", "approval": "second-person",
        "accent": "#FFD400", "count_clicks": "yes",
    }  # fmt: skip
    shown = imara.press(page, page, **(changed | {"action": "look"}))
    assert "#FFD400 on" in words(shown) or "too light for text" in words(shown)
    assert stands(database, 2)["accent"] == "#006B5E", "it was only looked at"
    feeds = {"source_ids": ["1", "api"], "sections": ["Sea"]}
    assert imara.press(page, page, **changed, **feeds).location == f"{page}?done=saved"
    command_line("newsletter", "edit", "by-command", "--name", "The Brief", "--weekday", "Sunday",
                 "--topics", "sea=The sea, economy=Money", "--also-in", "de, fr", "--approval",
                 "second-person", "--accent", "#FFD400", "--count-clicks", "--source", "The Wire",
                 "--source", "api", "--section", "sea")  # fmt: skip
    assert stands(database, 2) | {"slug": ""} == stands(database, 3) | {"slug": ""}

    stale = imara.press(page, page, **(changed | {"promise": "Mine, from an old tab"}))
    assert stale.status_code == 422
    assert "Somebody else changed this newsletter" in words(stale)
    assert "Mine, from an old tab" in stale.text, "what was typed is kept"
    fresh = changed | {"stamp": hidden(stale.text, "stamp"), "promise": "Mine after all"}
    assert imara.press(page, page, **fresh, **feeds).status_code == 303
    same = fresh | {"stamp": hidden(imara.get(page).text, "stamp"), "source_ids": ["api", "1"]}
    assert imara.press(page, page, **same, sections="Sea").status_code == 303
    with database.reading() as session:
        events = list_events(session, at_most=9)
    assert [(each.verb, each.row) for each in reversed(events) if "newsletter" in each.verb] == [
        ("newsletter create", 2), ("newsletter edit", 2), ("newsletter edit", 2),
    ]  # fmt: skip
    assert events[0].fields == ("promise",)
    topics = {f"a-{'s' * 55}-{at}": "n" * 60 for at in range(10, 30)}
    typed = "\r\n".join(f"{slug} = {name}" for slug, name in topics.items())
    most = same | {"stamp": hidden(imara.get(page).text, "stamp"), "topics": typed}
    assert imara.press(page, page, **most, sections="Sea").status_code == 303
    assert stands(database, 2)["topics"] == topics, "as many as the command takes"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sources_too_many_to_be_ticked_are_kept_and_no_tick_is_dropped(
    imara: Colleague, database: Database
) -> None:
    ids: list[int | None] = [*range(1, 1102)]
    with database.transaction() as session:
        for each in ids:
            session.add(Source(url=f"https://halyard.example/{each}", name=f"Feed {each}",
                               next_fetch_at=NOW, created_at=NOW))  # fmt: skip
        newsletter = session.get_one(Newsletter, 1)
        newsletter.source_ids = ids
    page = f"{PAGE}/1"
    shown = imara.get(page)
    assert "It names 1,101 sources, too many to be ticked here. They stay" in words(shown)
    assert 'name="source_ids"' not in shown.text
    stamp = hidden(shown.text, "stamp")
    saved = imara.press(page, page, **(NEW | {"name": "The Long List", "stamp": stamp}))
    assert saved.status_code == 303
    stood = stands(database, 1)
    assert (stood["name"], stood["source_ids"]) == ("The Long List", ids)

    ticked = [str(each) for each in ids]
    for action, status in (("save", 422), ("look", 200)):
        fields = NEW | {"source_ids": ticked, "find": "none of them", "action": action}
        told = imara.press(f"{PAGE}/new", f"{PAGE}/new", **fields)
        assert told.status_code == status
        assert ("Tick at most 1,000 sources here" in words(told)) == (action == "save")
        kept = re.findall(r'name="source_ids" value="(\d+)" checked', told.text)
        assert sorted(kept, key=int) == ticked


WRONG = [
    ({"name": " "}, "This cannot be empty"),
    ({"name": "n" * 101}, "at most 100 characters"),
    ({"promise": "p" * 501}, "at most 500 characters"),
    ({"zone": "Halyard/Harbour"}, "IANA time zone"),
    ({"accent": "greenish"}, "hex colour"),
    ({"editor_email": "nobody"}, "@"),
    ({"local_time": "25:00"}, "Give a time of day"),
    ({"story_count": "many"}, "Give a number"),
    ({"story_min": "9"}, "from 1 to 8"),
    ({"topics": "sea"}, "has no name"),
    ({"approval": "king"}, "Choose one from the list"),
    ({"weekday": "9"}, "A weekday is 0"),
    ({"source_ids": "77"}, "no source called 77"),
    ({"sections": "Nowhere"}, "no section called Nowhere"),
    ({"slug": "Not A Slug"}, "Use a-z, 0-9"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_wrong_is_said_what_is_typed_stays_and_pictures_are_looked_at(
    imara: Colleague, join: Join, database: Database
) -> None:
    proof = hidden(imara.get(f"{PAGE}/new").text, "proof")
    for fields, said in WRONG:
        told = imara.client.post(f"{PAGE}/new", data=NEW | fields | {"proof": proof})
        assert (told.status_code, said in words(told)) == (422, True), fields
        assert "4 Ropewalk Yard" in told.text

    page, path = f"{PAGE}/1", f"{PAGE}/1/portrait"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    for content, said in (
        (b"\0" * 20_000_000, "larger than 15 MB"),
        (b"\0" * 40_000_000, "larger than 15 MB"),
        (svg, "JPEG, PNG, WebP, GIF or AVIF"),
        (png(100).getvalue(), "at least 144 pixels"),
        (b"", "We cannot read that picture"),
    ):
        told = imara.client.post(path, **sent(proof, "portrait", content))
        assert (told.status_code, said in words(told)) == (422, True), said
    viewer = join("Vera", Role.VIEWER)
    theirs = sent(hidden(viewer.get("/desk/account").text, "proof"), "portrait", b"\0" * 40_000_000)
    assert viewer.client.post(path, **theirs).status_code == 403
    missing = imara.client.post(f"{PAGE}/9/portrait", **sent(proof, "portrait", b"\0" * 40_000_000))
    assert missing.status_code == 404
    assert "Choose a picture first" in words(imara.press(page, path))
    taken = imara.press(page, path, portrait=(png(300), "me.png"))
    assert taken.location == f"{page}?done=pictured"
    kept = stands(database, 1)["editor_portrait"]
    assert f"/media/{kept}" in imara.get(page).text
    assert imara.press(page, path, action="remove").status_code == 303
    assert stands(database, 1)["editor_portrait"] is None

    paper = {"name": "The Halyard Post", "site_url": "https://post.example", "privacy_url": ""}
    paper["stamp"] = hidden(imara.get("/desk/paper").text, "stamp")
    wrong = imara.press("/desk/paper", "/desk/paper", **(paper | {"site_url": "nowhere"}))
    assert (wrong.status_code, "Give a whole address" in words(wrong)) == (422, True)
    assert imara.press("/desk/paper", "/desk/paper", **paper).status_code == 303
    stale = imara.press("/desk/paper", "/desk/paper", **(paper | {"name": "Mine, of an old tab"}))
    assert (stale.status_code, "Somebody else changed the paper" in words(stale)) == (422, True)
    assert "Mine, of an old tab" in stale.text
    assert (
        imara.press("/desk/paper", "/desk/paper/mark", mark=(png(96), "m.png")).status_code == 303
    )
    large = sent(proof, "mark", b"\0" * 40_000_000)
    assert "larger than 15 MB" in words(imara.client.post("/desk/paper/mark", **large))
    with database.reading() as session:
        publication = session.scalars(select(Publication)).one()
        assert (publication.name, publication.site_url) == (paper["name"], paper["site_url"])
        lasting = session.scalars(select(Media.hash).where(Media.lasting)).all()
        verbs = json.dumps([each.verb for each in list_events(session, at_most=9)])
    assert {publication.mark, kept} == set(lasting)
    assert verbs.count("publication edit") == 2
