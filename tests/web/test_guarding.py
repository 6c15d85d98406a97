"""The guard of the sign-up: limits, the form's token, the surge and its proof of work."""

import base64
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from altcha import Challenge, Payload, solve_challenge
from sqlalchemy import update
from werkzeug.exceptions import TooManyRequests
from werkzeug.test import TestResponse

from digest.addresses import parse_address
from digest.clock import FixedClock
from digest.models import ConsentDetail, Newsletter, Notice, NoticeState, SignUp, Wording
from digest.runtime import Runtime
from digest.tokens import Purpose, new_token_id
from digest.web import create_app
from digest.web.guarding import Attempt, guard
from tests.factories import NOW, RING
from tests.readers.conftest import ReadersDesk
from tests.servers.redis_server import PrivateRedis
from tests.web.conftest import Site, heading, words
from tests.web.test_api_subscriptions import PAPER, Api

# The guard asks no database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(
    make_runtime: Callable[..., Runtime],
    newsletter: Newsletter,
    wording: Wording,
    desk: ReadersDesk,
) -> MakeSite:
    """Call it with changed settings for a site."""

    def make(**changes: Any) -> Site:
        client = create_app(make_runtime(**changes)).test_client(use_cookies=False)
        client.environ_base["REMOTE_ADDR"] = "8.8.4.4"
        return Site(client, desk)

    return make


def token(age: timedelta = timedelta(seconds=10)) -> str:
    return RING.sign(Purpose.FORM, new_token_id(), int((NOW - age).timestamp()))


def field(page: TestResponse, name: str) -> str:
    [found] = re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)"', page.text)
    return unescape(found)


def challenge_in(page: TestResponse) -> str:
    found = re.search(r'name="proof" value="" data-challenge="([^"]+)"', page.text)
    assert found, page.text
    return unescape(found[1])


def solved(challenge: str) -> str:
    read = Challenge.from_dict(json.loads(challenge))
    solution = solve_challenge(read)
    assert solution
    return Payload(read, solution).to_base64()


# Limits


def test_a_network_has_twenty_sign_ups_a_minute_by_forms_of_ours_and_six_by_others(
    make_site: MakeSite,
) -> None:
    site = make_site()
    plain = [site.sign_up(email="") for _ in range(7)]
    ours = [site.sign_up(email="", token=token()) for _ in range(21)]

    assert [answer.status_code for answer in plain] == [422] * 6 + [429]
    assert [answer.status_code for answer in ours] == [422] * 20 + [429]
    assert heading(ours[-1]) == "One moment, please"
    assert re.search(r"You can try again at \d\d:\d\d\.", ours[-1].text)
    assert ours[-1].headers["Retry-After"]
    for neighbour, status in (("8.8.4.99", 429), ("8.8.5.4", 422), ("9.9.9.9", 422)):
        site.client.environ_base["REMOTE_ADDR"] = neighbour
        assert site.sign_up(email="").status_code == status


def test_one_address_has_ten_tries_an_hour_from_wherever_they_come(make_site: MakeSite) -> None:
    site = make_site()
    answers = []
    for number in range(11):
        site.client.environ_base["REMOTE_ADDR"] = f"8.8.{number}.4"
        answers.append(site.sign_up(["robin@example.org", "ROBIN@Example.org"][number % 2]))

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert site.desk.count(Notice) == 2
    assert site.sign_up("mina@example.org").status_code == 200


def test_no_more_are_taken_in_a_minute_than_the_publisher_says(make_site: MakeSite) -> None:
    site = make_site(sign_ups_a_minute=3)
    answers = []
    for number in range(4):
        site.client.environ_base["REMOTE_ADDR"] = f"8.8.{number}.4"
        answers.append(site.sign_up(f"reader{number}@example.org").status_code)

    assert answers == [200] * 3 + [429]
    assert site.desk.count(SignUp) == 3


def test_by_default_as_many_are_taken_as_can_be_mailed_within_a_minute(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.delivery.notices.capacity.UNSEEN", 2)
    monkeypatch.setattr("digest.web.guarding.waiting_mails.REMEMBERED_SECONDS", 0)
    site = make_site(sign_ups_a_minute=None)

    def ask(number: int) -> TestResponse:
        site.client.environ_base["REMOTE_ADDR"] = f"8.8.{number}.4"
        return site.sign_up(f"reader{number}@example.org")

    pages = [ask(number) for number in range(4)]
    assert [page.status_code for page in pages] == [200] * 3 + [429]
    assert "06:01" in words(pages[-1]), "when to come again"
    assert site.desk.count(SignUp) == 3
    with site.desk.database.transaction() as session:
        session.execute(update(Notice).values(state=NoticeState.ACCEPTED))
    assert ask(4).status_code == 200, "they went out"


def test_by_default_loopback_is_not_limited(make_site: MakeSite) -> None:
    site = make_site()
    site.client.environ_base["REMOTE_ADDR"] = "127.0.0.1"

    assert {site.sign_up(f"r{n}@example.org").status_code for n in range(40)} == {200}


# The form's token


@pytest.mark.parametrize("path", ["/", "/subscribe"])
def test_every_form_of_ours_has_a_token_that_says_when_it_was_opened(
    make_site: MakeSite, path: str
) -> None:
    site = make_site(form_seconds=2.0)
    page = site.client.get(path)
    read = RING.read(Purpose.FORM, field(page, "token"))

    assert read.number == NOW.timestamp()
    assert field(site.client.get(path), "token") != field(page, "token")


def test_what_comes_back_at_once_is_asked_once_more_and_loses_nothing(
    make_site: MakeSite, clock: FixedClock, desk: ReadersDesk
) -> None:
    site = make_site(form_seconds=2.0)
    site.client.environ_base["HTTP_REFERER"] = "https://blog.example.net/ports"
    early = site.sign_up(
        "robin@example.org", name="Robin", topic="climate", form="footer", token=token(timedelta(0))
    )

    assert early.status_code == 403
    assert heading(early) == "Once more, please"
    assert "Press the button once more, and we will write to robin@example.org ." in words(early)
    assert early.headers["Cache-Control"] == "no-store"
    assert desk.count(SignUp) == 0
    held = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', early.text))
    assert set(held) == {
        *("email", "newsletter", "topic", "name", "form", "page", "consent", "wording", "token"),
    }
    clock.advance(timedelta(seconds=3))
    # As a browser says where it comes from now.
    site.client.environ_base["HTTP_REFERER"] = "http://127.0.0.1:8000/subscribe"
    assert site.client.post("/subscribe", data=held).status_code == 200
    [row], [detail] = desk.rows(SignUp), desk.rows(ConsentDetail)
    assert (row.site, row.form, row.name) == ("blog.example.net", "footer", "Robin")
    assert detail.page_url == "https://blog.example.net/ports"


def test_a_page_that_names_another_is_believed_only_where_it_is_ours(
    make_site: MakeSite, desk: ReadersDesk
) -> None:
    site = make_site()
    site.client.environ_base["HTTP_REFERER"] = "https://spam.example/"
    site.sign_up(page="https://halyard.example/")

    assert desk.rows(ConsentDetail)[0].page_url == "https://spam.example/"


def test_a_form_that_was_open_for_too_long_is_asked_once_more(make_site: MakeSite) -> None:
    site = make_site(form_seconds=2.0)

    assert site.sign_up(token=token(timedelta(minutes=119))).status_code == 200
    old = site.sign_up(token=token(timedelta(minutes=121)))
    assert old.status_code == 403
    assert site.sign_up(token=field(old, "token"), newsletter="editors-digest").status_code == 403
    site.desk.clock.advance(timedelta(seconds=2))
    assert site.sign_up(token=field(old, "token")).status_code == 200


@pytest.mark.parametrize(
    "forged",
    [
        "nonsense",
        "x" * 5000,
        "ключ",
        RING.sign(Purpose.CONFIRM, bytes(16), int(NOW.timestamp()) - 10),
        RING.sign(Purpose.FORM, bytes(16), int(NOW.timestamp()) - 10)[:-2],
    ],
)
def test_a_token_that_is_not_ours_is_worth_none(make_site: MakeSite, forged: str) -> None:
    site = make_site(form_seconds=2.0)

    answers = [site.sign_up(email="", token=forged).status_code for _ in range(7)]
    assert answers == [422] * 6 + [429]


def test_one_form_is_good_for_ten_sign_ups(make_site: MakeSite) -> None:
    site = make_site()
    same = token()
    answers = [site.sign_up(email="", token=same).status_code for _ in range(17)]

    assert answers == [422] * 16 + [429], "ten as ours, six as anybody's"


def test_a_form_that_comes_back_with_mistakes_keeps_its_token(make_site: MakeSite) -> None:
    site = make_site(form_seconds=2.0)
    same = token()
    page = site.sign_up("robin", token=same)

    assert page.status_code == 422
    assert field(page, "token") == same
    assert field(site.sign_up("robin@example.org", token=same), "token") == same
    assert 'name="token"' not in site.sign_up("mina@example.org").text


def test_a_machine_is_told_what_to_send(make_site: MakeSite) -> None:
    site = make_site(surge=1)
    site.sign_up()
    site.client.environ_base["HTTP_ACCEPT"] = "application/json"
    told = site.sign_up()

    assert told.status_code == 403
    assert told.content_type == "application/problem+json"
    assert told.json
    assert RING.read(Purpose.FORM, told.json["token"]).number == NOW.timestamp()
    proof = solved(json.dumps(told.json["challenge"]))
    assert site.sign_up(token=told.json["token"], proof=proof).status_code == 200


# The surge


@dataclass
class Flood:
    """Sign-ups, each for another address and from another network."""

    site: Site
    sent: int = 0

    def send(self, **fields: Any) -> TestResponse:
        self.sent += 1
        high, low = divmod(self.sent, 250)
        self.site.client.environ_base["REMOTE_ADDR"] = f"20.{high}.{low}.9"
        return self.site.sign_up(f"reader{self.sent}@example.org", **fields)


def test_a_surge_asks_everybody_for_a_proof_and_each_proof_is_taken_once(
    make_site: MakeSite, desk: ReadersDesk
) -> None:
    flood = Flood(make_site(surge=5))
    before = [flood.send() for _ in range(5)]
    asked = flood.send()

    assert {answer.status_code for answer in before} == {200}
    assert asked.status_code == 403
    assert "A great many sign-ups are coming in just now" in words(asked)
    assert "or come back in an hour" in words(asked)
    assert desk.count(SignUp) == 5
    assert flood.send(token=token()).status_code == 403, "a token alone is not enough"
    proof = solved(challenge_in(asked))
    assert flood.send(proof=proof).status_code == 200
    again = base64.b64encode(json.dumps(json.loads(base64.b64decode(proof)), indent=1).encode())
    for used in (proof, again.decode(), " " + proof):
        assert flood.send(proof=used).status_code == 403
    assert desk.count(SignUp) == 6


def test_in_a_surge_our_own_form_brings_its_challenge_along(make_site: MakeSite) -> None:
    flood = Flood(make_site(surge=2))
    assert "data-challenge" not in flood.site.client.get("/").text
    for _ in range(3):
        flood.send()
    page = flood.site.client.get("/")

    assert "proof-worker.js" in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    answer = flood.send(token=field(page, "token"), proof=solved(challenge_in(page)))
    assert answer.status_code == 200


@pytest.mark.parametrize("what", ["another's", "easier", "expired", "wrong", "long", "nonsense"])
def test_a_proof_that_is_not_one_is_not_taken(
    make_site: MakeSite, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = Flood(make_site(surge=1))
    flood.send()
    challenge = json.loads(challenge_in(flood.send()))
    if what == "another's":
        challenge["signature"] = "0" * 64
    if what == "easier":
        challenge["parameters"]["keyPrefix"] = "00"
    if what == "expired":
        challenge["parameters"]["expiresAt"] = 1
    proof = solved(json.dumps(challenge))
    if what == "wrong":
        read = json.loads(base64.b64decode(proof))
        read["solution"]["derivedKey"] = "00" * 32
        proof = base64.b64encode(json.dumps(read).encode()).decode()
    if what == "long":
        read = json.loads(base64.b64decode(proof)) | {"more": "x" * 5000}
        proof = base64.b64encode(json.dumps(read).encode()).decode()
    if what == "nonsense":
        for each in ("%%%", "e30=", "W10=", "bnVsbA==", "eyJjaGFsbGVuZ2UiOiJ4In0=", "W" * 4000):
            assert flood.send(proof=each).status_code == 403
    else:
        assert flood.send(proof=proof).status_code == 403


def test_the_back_end_of_the_site_is_vouched_for(
    make_runtime: Callable[..., Runtime], newsletter: Newsletter, wording: Wording
) -> None:
    app = create_app(make_runtime(surge=1))

    def told(**changes: Any) -> object:
        with app.test_request_context("/"):
            return guard(Attempt(parse_address("robin@example.org"), "8.8.4.4", **changes))

    assert told() is None
    assert told() is not None
    assert told(vouched_by=1) is None


def test_readers_of_a_back_end_whose_ip_is_not_public_count_under_its_token(
    make_runtime: Callable[..., Runtime], newsletter: Newsletter, wording: Wording
) -> None:
    app = create_app(make_runtime())

    def told(number: int, ip: str, token_id: int) -> bool:
        address = parse_address(f"reader{number}@example.org")
        with app.test_request_context("/"):
            try:
                return guard(Attempt(address, ip, vouched_by=token_id)) is None
            except TooManyRequests:
                return False

    assert [told(n, f"10.0.0.{n}", 1) for n in range(21)] == [True] * 20 + [False]
    assert told(30, "10.0.0.30", 2)
    assert told(31, "8.8.4.4", 1)


def test_a_site_of_ipv6_has_four_times_what_a_line_has(make_site: MakeSite) -> None:
    site = make_site()

    def sign_up(line: int) -> int:
        site.client.environ_base["REMOTE_ADDR"] = f"2a00:1450:4001:{line:x}::7"
        return site.sign_up(email="").status_code

    assert [sign_up(1) for _ in range(7)] == [422] * 6 + [429]
    assert [sign_up(line) for line in range(2, 22)] == [422] * 18 + [429] * 2
    site.client.environ_base["REMOTE_ADDR"] = "2a00:1450:4002::7"
    assert site.sign_up(email="").status_code == 422


# Disposable domains


@pytest.mark.parametrize("choice", ["allow", "report", "refuse"])
def test_disposable_domains_are_the_publisher_s_to_refuse(make_site: MakeSite, choice: str) -> None:
    site = make_site(disposable=choice)
    page = site.sign_up("robin@mail.Mailinator.com")

    assert page.status_code == (422 if choice == "refuse" else 200)
    if choice == "refuse":
        assert page.text.count("Use an address that you will keep") == 2
    assert site.sign_up("robin@example.org").status_code == 200


# Redis


def statuses(sites: list[Site], count: int) -> list[int]:
    return [sites[number % len(sites)].sign_up(email="").status_code for number in range(count)]


def test_processes_share_their_limits_by_redis(make_site: MakeSite, redis_url: str) -> None:
    sites = [make_site(redis_url=redis_url) for _ in range(2)]

    assert statuses(sites, 8) == [422] * 6 + [429] * 2


def test_processes_share_the_surge_and_what_was_used(make_site: MakeSite, redis_url: str) -> None:
    one, other = (Flood(make_site(redis_url=redis_url, surge=2)) for _ in range(2))
    one.send()
    one.send()
    asked = one.send()
    assert asked.status_code == 403
    assert other.send().status_code == 403
    proof = solved(challenge_in(asked))
    assert other.send(proof=proof).status_code == 200
    assert one.send(proof=proof).status_code == 403


def test_without_redis_each_process_limits_for_itself_and_nobody_sees_an_error(
    make_site: MakeSite, private_redis: Callable[[], PrivateRedis]
) -> None:
    server = private_redis()
    site = make_site(redis_url=server.url)
    assert statuses([site], 2) == [422] * 2
    server.kill()

    assert statuses([site], 8) == [422] * 6 + [429] * 2
    server.start()


def test_a_surge_holds_while_redis_is_away(
    make_site: MakeSite, private_redis: Callable[[], PrivateRedis]
) -> None:
    server = private_redis()
    flood = Flood(make_site(redis_url=server.url, surge=3))
    server.kill()
    answers = [flood.send() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [403] * 2
    proof = solved(challenge_in(answers[-1]))

    assert [flood.send(proof=proof).status_code for _ in range(2)] == [200, 403]


def test_no_address_lies_in_redis(make_site: MakeSite, redis_url: str) -> None:
    from redis import Redis

    make_site(redis_url=redis_url, surge=5).sign_up("robin@example.org")
    with Redis.from_url(redis_url) as client:
        kept = [key.decode() for key in client.scan_iter()]
        assert len(kept) >= 4
        assert all(client.ttl(key) > 0 for key in kept)
    assert not [key for key in kept if "robin" in key or "@" in key]


def test_a_proof_that_is_sent_by_many_at_once_is_taken_once(
    make_site: MakeSite, redis_url: str
) -> None:
    flood = Flood(make_site(redis_url=redis_url, surge=1))
    flood.send()
    proof = solved(challenge_in(flood.send()))
    sites = [make_site(redis_url=redis_url, surge=1) for _ in range(4)]
    start, answers = threading.Barrier(4), []

    def send(site: Site, number: int) -> None:
        start.wait()
        answers.append(site.sign_up(f"many{number}@example.org", proof=proof).status_code)

    threads = [
        threading.Thread(target=send, args=each) for each in zip(sites, range(4), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 403, 403, 403]


# The API


def test_in_a_surge_a_box_is_asked_for_a_proof_and_a_back_end_is_not(
    make_site: MakeSite, desk: ReadersDesk
) -> None:
    site = make_site(surge=1)
    api = Api(site.client, desk)
    assert api.from_page().status_code == 202
    asked = api.from_page(email="mina@example.org")

    assert asked.status_code == 403
    assert asked.headers["Access-Control-Allow-Origin"] == PAPER
    assert asked.headers["Cache-Control"] == "no-store"
    said = asked.get_json()
    assert said["title"] == "Once more, please"
    assert desk.count(SignUp) == 1
    proof = solved(json.dumps(said["challenge"]))
    again = {"email": "mina@example.org", "token": said["token"], "proof": proof}
    assert api.from_page(**again).status_code == 202
    assert api.from_page(**again).status_code == 403, "a proof is taken once"
    assert api.by_back_end(email="joss@example.com").status_code == 202


def test_a_box_comes_with_a_token_and_is_asked_for_a_new_one_when_that_is_old(
    make_site: MakeSite, desk: ReadersDesk
) -> None:
    site = make_site()
    api = Api(site.client, desk)
    box = site.client.get("/api/v1/signup-boxes/editors-digest", headers={"Origin": PAPER})
    assert box.headers["Cache-Control"] == "no-store"
    assert api.from_page(token=box.get_json()["token"]).status_code == 202
    asked = api.from_page(email="mina@example.org", token=token(timedelta(hours=3)))
    assert (asked.status_code, asked.get_json()["challenge"]) == (403, None)
    assert api.from_page(token=asked.get_json()["token"]).status_code == 202
