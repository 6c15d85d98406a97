"""The Procfile's notices: one process that mails, and rings the tick; stopped, and two of them."""

from tests.journeys.formation import wait_until
from tests.journeys.test_formation import Site, readers, site
from tests.scripted_smtp import Slow

__all__ = ["site"]

WAITING = "SELECT count(*) FROM notice WHERE state <> 'accepted'"
TICKED = "SELECT count(*) FROM heartbeat WHERE name = 'tick'"


def add_notices(site: Site, count: int) -> None:
    site.add_readers(count)
    site.write(
        """
        INSERT INTO notice (token_id, kind, to_address, newsletter_id, subscriber_id, state,
                            attempts, created_at, released_at, next_attempt_at)
        SELECT decode(lpad(to_hex(id), 32, '0'), 'hex'), 'already_signed_up', email,
               (SELECT id FROM newsletter), id, 'queued', 0, now(), now(), now()
        FROM subscriber
        """
    )


def test_sigterm_in_the_midst_of_notices_leaves_none_in_doubt(site: Site) -> None:
    add_notices(site, 60)
    site.relay.always("body", Slow(512, 0.005))
    # Nobody rang for them: the tick that it rings itself finds them.
    site.start("notices")
    site.relay.wait_for(5, 30)
    assert site.formation.stop("notices") == 0
    assert site.value("SELECT count(*) FROM notice WHERE state = 'sending'") == 0
    site.formation.start("notices", 2)
    wait_until(lambda: site.value(WAITING) == 0, "the next one goes on", 60)
    assert site.recipients() == readers(60), "each once"


def test_two_of_them_mail_each_notice_once(site: Site) -> None:
    add_notices(site, 60)
    site.formation.start("notices", 1)
    site.formation.start("notices", 2)
    wait_until(lambda: site.value(WAITING) == 0, "all are mailed", 60)
    assert site.recipients() == readers(60)
    assert site.value(TICKED) == 1
