"""Readers from as many networks, with every guard as it is by default: who is refused."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
from altcha import Challenge, Payload, solve_challenge

HANDS = 8
# A form that is sent sooner is not taken for a person's.
BROWSER = {"User-Agent": "Mozilla/5.0 (bench)", "Accept": "application/json"}
ONCE_MORE = 403
TRIES = 4


def sign_up_guarded(url: str, wording: str, count: int) -> Counter[int]:
    """Have `count` readers sign up at once, who solve the sum where they are asked to.

    Return how many had which status in the end.
    """
    local = threading.local()

    def sign_up(number: int) -> int:
        if not hasattr(local, "client"):
            local.client = httpx.Client(base_url=url, timeout=120, trust_env=False)
        fields = {
            "email": f"guarded-{number}@example.org",
            "newsletter": "editors-digest",
            "consent": "on",
            "wording": wording,
        }
        headers = {**BROWSER, "X-Forwarded-For": f"21.{number // 250}.{number % 250}.7"}
        return _answer(local.client, fields, headers)

    with ThreadPoolExecutor(HANDS) as hands:
        return Counter(hands.map(sign_up, range(count)))


def _answer(client: httpx.Client, fields: dict[str, str], headers: dict[str, str]) -> int:
    for _ in range(TRIES):
        answer = client.post("/subscribe", data=fields, headers=headers)
        if answer.status_code != ONCE_MORE:
            break
        told = answer.json()
        fields = {**fields, "token": told["token"]}
        if told["challenge"]:
            asked = Challenge.from_dict(told["challenge"])
            solution = solve_challenge(asked)
            assert solution is not None
            fields["proof"] = Payload(asked, solution).to_base64()
    return answer.status_code
