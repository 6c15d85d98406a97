"""The Halyard: the newspaper that the demo plays with. Every person and place in it is invented."""

from dataclasses import dataclass
from datetime import datetime, time
from functools import cache

from sqlalchemy.orm import Session

from digest.cli import art
from digest.models import Newsletter
from digest.newsroom.finding import NewsletterValues
from digest.newsroom.intake.media import store_media
from digest.newsroom.intake.pictures import MARK, PORTRAIT, Encoded, Shape
from digest.newsroom.newsletters import create_newsletter, ensure_publication
from digest.newsroom.terms import publish_terms

SITE = "https://halyard.example"
SLUG = "editors-digest"
EDITOR = "Imara Vance-Oduya"
EDITOR_EMAIL = "editor@halyard.example"

NOTE = (
    "Good morning. We spend a great deal of ink on things that grow. This week’s lead is about a "
    "port that chose not to, and about how hard it was to get three hundred people to agree on "
    "the word “enough”. Save it for a second coffee."
)
NOTE_BEFORE = (
    "Good morning. Our lead this week stands in a queue, which is where most of us learn what a "
    "town thinks of itself. The peat is worth your time too: it keeps better records than we do."
)

TERMS = """\
# Terms & conditions

*The Halyard's newsletters.*

## What you get

The newsletter that you asked for, by email, on the day that its page names. It is free. We may
stop it, and will say so in its last issue.

## What we keep

Your email address, the moment at which you asked and confirmed, and the words that you agreed
to. We keep them so that we can show that you asked. We do not pass your address on, and we do
not watch whether you open a mail or follow its links.

## Leaving

Every issue has a link that ends it with one click. It works for as long as you have the mail.
You may also ask us to erase everything about you.

## Who we are

The Halyard, 4 Ropewalk Yard, Varrholm VH1 2AB.
"""

PRIVACY = """\
The Halyard keeps your email address in order to send you the newsletters that you asked for, and
the record of when and how you asked. The basis is your consent, which you may withdraw with one
click in every issue. Nobody else receives your address. To see what is kept, to change it or to
have it erased, use “Change what we send” at the foot of any issue, or write to
editor@halyard.example.
"""


@dataclass(frozen=True)
class HalyardStory:
    """A piece as the paper's site has it. `age_hours`: how long before its edition it came out.

    `slug` is its picture's name too.
    """

    slug: str
    section: str
    title: str
    standfirst: str
    byline: str
    minutes: int
    age_hours: int = 0


THIS_WEEK = (
    HalyardStory(
        "port",
        "World",
        "The port that decided to stop growing",
        "For forty years Varrholm counted success in containers. Then its dockers, its mayor and "
        "its last herring fishermen agreed on a number, and drew a line.",
        "Joss Penhallow",
        9,
        1,
    ),
    HalyardStory(
        "cold",
        "Business",
        "Who owns the cold?",
        "Vaccines, salmon and strawberries sit in the same four companies’ sheds. Regulators have "
        "begun to notice the hum.",
        "Renske Adair",
        7,
        2,
    ),
    HalyardStory(
        "roofs",
        "Climate",
        "The town that rents its roofs to the rain",
        "Households in a dry valley are paid for the water they store. The reservoir is low; the "
        "gardens are not.",
        "Mina Coulthard-Rao",
        5,
        3,
    ),
    HalyardStory(
        "bat",
        "Science",
        "A bat, a barn and the sound of nothing at all",
        "Engineers trying to hush delivery drones found their answer hanging upside down.",
        "Tobiah Lund",
        4,
        4,
    ),
    HalyardStory(
        "ledgers",
        "Work",
        "Three years of the four-day week: what the ledgers say",
        "Sixty-one companies opened their books to us. Output held. The surprise was in the "
        "pensions.",
        "Odile Warrick",
        6,
        5,
    ),
    HalyardStory(
        "librarian",
        "Culture",
        "The last orchestra librarian",
        "He finds any marked score in ninety seconds. His replacement cannot read pencil.",
        "Suri Blackwood",
        4,
        6,
    ),
    HalyardStory(
        "tunnels",
        "Opinion",
        "Fewer tunnels, please, and better ones",
        "Grand projects fail in the middle. The cure is dull, local and cheaper than the inquiry.",
        "Hanno Prewitt",
        3,
        7,
    ),
    HalyardStory(
        "lighthouse",
        "World",
        "Two countries, one lighthouse",
        "A hundred years of paperwork over a lamp that neither side can afford to switch off.",
        "Caspian Rhee",
        3,
        8,
    ),
    HalyardStory(
        "washing",
        "Technology",
        "Your washing machine would like a word with the grid",
        "It can wait until two in the morning. The tariff, it turns out, cannot.",
        "Renske Adair",
        6,
        100,
    ),
    HalyardStory(
        "jars",
        "Science",
        "The woman who indexes the sea",
        "Eleven thousand jars, one card catalogue, and the only record of what lived here before "
        "the harbour.",
        "Tobiah Lund",
        8,
        101,
    ),
)

LAST_WEEK = (
    HalyardStory(
        "branch",
        "Business",
        "The bank that closed every branch but one",
        "It kept the one with the worst numbers. The queue on a Thursday morning explains why.",
        "Odile Warrick",
        7,
        1,
    ),
    HalyardStory(
        "peat",
        "Climate",
        "What the peat remembers",
        "A metre of bog holds a thousand years of weather. A surveyor, a shepherd and a spade set "
        "out to read it before it dries.",
        "Mina Coulthard-Rao",
        8,
        2,
    ),
    HalyardStory(
        "nearly",
        "Culture",
        "A museum of things that were nearly thrown away",
        "Its newest exhibit is a ticket machine. Its oldest is the argument about keeping it.",
        "Suri Blackwood",
        5,
        3,
    ),
    HalyardStory(
        "clocks",
        "Science",
        "The clock that is wrong on purpose",
        "An observatory runs one timepiece four seconds slow. Nobody has dared to ask it to stop.",
        "Tobiah Lund",
        4,
        4,
    ),
    HalyardStory(
        "ferry",
        "World",
        "The ferry that sails with nobody aboard",
        "A treaty says twice a day. The island emptied in 1994. The crew still sets nine places "
        "for lunch.",
        "Caspian Rhee",
        6,
        5,
    ),
    HalyardStory(
        "ladder",
        "Work",
        "In praise of the second rung",
        "Most careers are made by whoever holds the ladder. We asked forty of them what they saw.",
        "Odile Warrick",
        4,
        6,
    ),
    HalyardStory(
        "signal",
        "Technology",
        "A village votes on its own mast",
        "For: eleven bars of signal. Against: the owl. Turnout was ninety-four per cent.",
        "Renske Adair",
        5,
        7,
    ),
    HalyardStory(
        "queues",
        "Opinion",
        "Let the queue alone",
        "Every app that abolishes waiting has only moved it, usually to someone poorer.",
        "Hanno Prewitt",
        3,
        8,
    ),
)


def open_paper(session: Session, now: datetime) -> Newsletter:
    """Make the paper, its newsletter, and the terms that its readers agree to."""
    mark = store_media(session, drawn("mark", MARK), now, lasting=True)
    ensure_publication(session, name="The Halyard", site_url=SITE, mark=mark, privacy=PRIVACY)
    publish_terms(session, TERMS, now)
    return create_newsletter(
        session,
        NewsletterValues(
            slug=SLUG,
            name="Editor’s Digest",
            promise=f"{EDITOR}, editor of The Halyard, picks the stories she would press on a "
            "friend.",
            editor_name=EDITOR,
            editor_email=EDITOR_EMAIL,
            editor_portrait=store_media(session, drawn("portrait", PORTRAIT), now, lasting=True),
            from_address="digest@halyard.example",
            reply_to="editor@halyard.example",
            postal_address="4 Ropewalk Yard, Varrholm VH1 2AB",
            weekday=5,
            local_time=time(7),
            zone="Europe/London",
        ),
        now,
    )


@cache
def drawn(name: str, shape: Shape) -> Encoded:
    """Draw a picture at the size that it is kept in: nothing has to be cropped or compressed."""
    content = art.draw(name, shape.width, shape.height)
    return Encoded(content, "image/png", shape.width, shape.height)
