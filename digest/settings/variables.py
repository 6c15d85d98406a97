"""The variables that Digest reads from its environment, each with its default and its meaning."""

from typing import NamedTuple

UNSET_DATABASE = "sqlite, in DIGEST_DATA_DIR"


class Variable(NamedTuple):
    """One row of the configuration table. A default of None means: required when grown up."""

    name: str
    default: str | None
    meaning: str


VARIABLES = (
    Variable(
        "DIGEST_DATA_DIR",
        "digest-data",
        "Folder for what Digest makes itself: the embedded "
        "database and, when embedded, its keys (mode 0600).",
    ),
    Variable(
        "DATABASE_URL",
        UNSET_DATABASE,
        "`postgresql://user:password@host/name` or `sqlite:////absolute/path`.",
    ),
    Variable(
        "REDIS_URL",
        "memory://",
        "The broker: `redis://host:6379/0`, or `memory://` where one process does everything.",
    ),
    Variable(
        "DIGEST_REDIS_PREFIX",
        "digest",
        "What the names of our keys in Redis begin with. Where two Digests, or Digest and another "
        "Celery program, share one, give each its own.",
    ),
    Variable(
        "SMTP_URL",
        "smtp://localhost:25",
        "The relay: `smtp://` (plain), "
        "`smtp+starttls://user:password@host:587` or `smtps://user:password@host:465`.",
    ),
    Variable(
        "DIGEST_PUBLIC_URL",
        "http://127.0.0.1:8000",
        "Where readers reach the pages, like `https://digest.example.org`, or "
        "`https://paper.example/newsletters` under a path of another site. https unless it is "
        "loopback.",
    ),
    Variable(
        "DIGEST_KEYS",
        None,
        "Ring of `id:base64` keys of at least 32 bytes, separated by "
        "commas; the first signs, the others still verify. Made by itself when embedded.",
    ),
    Variable(
        "DIGEST_SUPPRESSION_KEY",
        None,
        "base64 of at least 32 bytes; never rotated. Made by itself when embedded.",
    ),
    Variable(
        "DIGEST_TRUSTED_PROXIES",
        "",
        "Networks of your reverse proxies, separated by commas; "
        "only they may say which ip a reader has.",
    ),
    Variable(
        "DIGEST_EMBED_ORIGINS",
        "",
        "Websites whose pages may hold our sign-up boxes, like `https://paper.example, "
        "https://blog.example`; the paper's own site always may.",
    ),
    Variable(
        "DIGEST_INBOUND_DOMAIN",
        "",
        "Domain whose mail is given to `digest bounce process`: "
        "turns on VERP envelopes and, once `digest doctor` has seen such mail arrive, addresses to "
        "leave by.",
    ),
    Variable(
        "DIGEST_HELLO_NAME", "", "Name said in EHLO; by default the host of DIGEST_PUBLIC_URL."
    ),
    Variable(
        "DIGEST_FETCH_PRIVATE",
        "false",
        "Whether feeds and pictures may come from loopback "
        "and private addresses. For the demo and tests.",
    ),
    Variable(
        "DIGEST_LEASE_SECONDS",
        "120",
        "How long a worker may hold the deliveries that it has claimed.",
    ),
    Variable(
        "DIGEST_SLICE_SECONDS",
        "10",
        "How long one bulk task works before it rings again and returns.",
    ),
    Variable(
        "DIGEST_WINDOW_SIZE",
        "50",
        "Deliveries, or notices, on the wire at once in one process: the most "
        "that a kill -9 can leave in doubt.",
    ),
    Variable(
        "DIGEST_RELAY_CONNECTIONS",
        "1",
        "Connections with the relay that one process opens for an issue; they share its window. "
        "More processes are quicker than more connections of one. With SQLite it is one.",
    ),
    Variable(
        "DIGEST_NOTICE_CONNECTIONS",
        "2",
        "Connections with the relay that the process for notices opens where many wait; they share "
        "its window. With SQLite it is one.",
    ),
    Variable(
        "DIGEST_SMTP_TIMEOUT",
        "30",
        "Seconds to wait for the relay's answers, the last one excepted.",
    ),
    Variable("DIGEST_REPLY_TIMEOUT", "600", "Seconds to wait for the answer to the final dot."),
    Variable(
        "DIGEST_RELAY_RATE",
        "0",
        "Messages a second handed to the relay, by all workers together; 0 is as fast as it takes "
        "them.",
    ),
    Variable(
        "DIGEST_DOMAIN_RATES",
        "",
        "Messages a second for readers' domains, like `gmail.com=20, *=50`; `*` is each of the "
        "others.",
    ),
    Variable(
        "DIGEST_LATE_HOURS", "12", "An issue more than this late is held, and a person decides."
    ),
    Variable(
        "DIGEST_KEEP_MONTHS",
        "12",
        "How many months after an issue who got it is kept, reader by reader; then only how many "
        "did. 0: for ever.",
    ),
    Variable(
        "DIGEST_KEEP_UNCONFIRMED_DAYS",
        "30",
        "How many days after a confirmation link ran out the address of who never used it is kept.",
    ),
    Variable(
        "DIGEST_KEEP_LEFT_MONTHS",
        "12",
        "How many months after having left everything the address of a reader is kept; then they "
        "are erased. 0: for ever.",
    ),
    Variable("DIGEST_SOURCE_MINUTES", "15", "How often a source is fetched when all is well."),
    Variable(
        "DIGEST_TICK_SECONDS",
        "60",
        "How often the calendar is looked at.",
    ),
    Variable(
        "DIGEST_RELAY_SIGNS",
        "false",
        "Say `true` once you have seen that the relay puts a DKIM signature over both "
        "List-Unsubscribe headers; `digest doctor` reminds you until then.",
    ),
    Variable(
        "DIGEST_RESOLVER",
        "",
        "The DNS server that `digest dkim sign` asks whether a key is published, by its IP "
        "address, like 192.0.2.53 or 192.0.2.53:5353. Empty: the system's.",
    ),
    Variable(
        "DIGEST_FORM_SECONDS",
        "2",
        "A form of ours that comes back sooner than this was hardly filled in by a person, who is "
        "asked to press once more. 0: never.",
    ),
    Variable(
        "DIGEST_SURGE",
        "60",
        "So many sign-ups a minute, from everywhere together, are a surge: for ten minutes "
        "browsers then have to do a small sum first. 0: never.",
    ),
    Variable(
        "DIGEST_SIGN_UPS_A_MINUTE",
        "auto",
        "No more sign-ups a minute than this are taken, from everywhere together. `auto`: as many "
        "as confirmations can be sent within a minute, at least 600. 0: no limit.",
    ),
    Variable(
        "DIGEST_DISPOSABLE",
        "report",
        "Addresses of services that throw mail away: `allow` takes them, `report` has `digest "
        "doctor` tell how many signed up, `refuse` asks for another address.",
    ),
    Variable(
        "DIGEST_OWN_DOMAINS",
        "",
        "Names of your own network that readers and newsletters may have addresses at, like "
        "`corp.internal, mailhost`. Names that no mail of the internet reaches (.test, .example, "
        ".local, example.org and the like) are refused without, unless DIGEST_PUBLIC_URL is "
        "loopback.",
    ),
    Variable("DIGEST_LOG_FORMAT", "text", "`text` for people, `json` for machines."),
)
