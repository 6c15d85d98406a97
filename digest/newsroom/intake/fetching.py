"""Fetching from addresses that others wrote: only from where we may, and never without end.

The one module that speaks HTTP as a client. ssrfguard looks a name up once, checks every address
that it has, and connects to one of those, so that a name which changes in between (DNS rebinding)
changes nothing; each redirect is checked anew.
"""

import asyncio
import functools
import queue
import socket
import ssl
import threading
import zlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import metadata
from ipaddress import ip_network
from typing import Any, TypeVar

import httpx
from ssrfguard import Policy, SSRFGuardError
from ssrfguard.httpx import AsyncClient

from digest.errors import DigestError

REDIRECTS_AT_MOST = 5
FOR_GOOD = frozenset({301, 308})
WEB_PORTS = frozenset({80, 443})
# As a set it takes 4 MB: only whoever may fetch from private networks makes one.
ANY_PORT = range(1, 65536)
# Loopback, RFC 1918 and RFC 4193. Not link-local: clouds keep secrets at 169.254.169.254.
PRIVATE_NETWORKS = (
    *("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
)
LOOK_UP_SECONDS = 5.0
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
ADDRESSES_TRIED = 2
LONGEST_WAIT = timedelta(hours=24)
ETAG_AT_MOST = 500
LAST_MODIFIED_AT_MOST = 100

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Bounds:
    """What is asked for, and how much of it is taken; bytes are counted unpacked too."""

    noun: str
    accept: str
    bytes_at_most: int
    seconds: float = 20.0


FEED = Bounds(
    "feed",
    "application/rss+xml, application/atom+xml, application/feed+json;q=0.9, "
    "application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5",
    5_000_000,
)
PICTURE = Bounds(
    "picture", "image/avif, image/webp, image/jpeg, image/png, image/gif, */*;q=0.1", 10_000_000
)

# Of a page nothing is read but its status.
PAGE = Bounds("page", "text/html, */*;q=0.5", 0, seconds=15.0)


class FetchError(DigestError):
    """Nothing could be fetched, with the reason in words that may be shown to an editor.

    `final` where trying again would change nothing; `absent` where the site answered that we
    cannot have it, or not there; `wait` is how long the site asks us to.
    """

    def __init__(
        self,
        sentence: str,
        *,
        final: bool = False,
        absent: bool = False,
        wait: timedelta = timedelta(0),
    ) -> None:
        super().__init__(sentence)
        self.final = final
        self.absent = absent
        self.wait = wait


class SentOnError(FetchError):
    """Redirects without an end: as sites give to whom they know no cookie of, for one."""

    def __init__(self) -> None:
        super().__init__(f"The site sent us on more than {REDIRECTS_AT_MOST} times.")


@dataclass(frozen=True)
class Fetched:
    """An answer. `url` is where it came from in the end; `content` is None after a 304.

    `moved_to` is that address too, where every redirect on the way said that it is for good.
    """

    url: str
    content: bytes | None
    charset: str | None
    etag: str | None
    last_modified: str | None
    moved_to: str | None


@dataclass(frozen=True)
class Answered:
    """What a page answers in the end: its status, and at which `url`.

    `challenged`: instead of the page the site asks for a proof that we are a person.
    """

    url: str
    status: int
    challenged: bool


class Fetcher:
    """Fetches in the name of the publisher whose site is `site`.

    `private_networks` may be fetched from too, on any port. Of the others, public ones only, on
    the ports 80 and 443. Nothing is kept from one fetch to the next: no cookies, no connections.
    """

    def __init__(self, site: str, private_networks: Sequence[str] = ()) -> None:
        self._ports = ANY_PORT if private_networks else WEB_PORTS
        self._policy = _policy(tuple(private_networks), self._ports)
        self._tls = _tls()
        ascii_site = site.encode("ascii", "ignore").decode()
        self._user_agent = f"Digest/{_version()} (+{ascii_site})"

    def fetch(
        self,
        url: str,
        bounds: Bounds,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
    ) -> Fetched:
        """Fetch what is at a URL, or learn that it is as it was (RFC 9110, section 13).

        Raises:
            FetchError: not from there, not so much, not in time, or not at all.
        """
        headers = {"User-Agent": self._user_agent, "Accept": bounds.accept}
        headers["Accept-Encoding"] = "gzip"
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        # A thread of its own, as the caller's may have an event loop already.
        with ThreadPoolExecutor(1, "fetch") as thread:
            return thread.submit(asyncio.run, self._fetch_in_time(url, bounds, headers)).result()

    async def _fetch_in_time(self, url: str, bounds: Bounds, headers: dict[str, str]) -> Fetched:
        return await self._in_time(
            bounds, headers, lambda client: self._follow(client, url, bounds)
        )

    async def _in_time(
        self,
        bounds: Bounds,
        headers: dict[str, str],
        ask: Callable[[AsyncClient], Awaitable[Answer]],
    ) -> Answer:
        try:
            # Over all of it: a site that sends a byte a second never stops being "not silent".
            async with asyncio.timeout(bounds.seconds), self._client(headers) as client:
                return await ask(client)
        except (TimeoutError, httpx.TimeoutException):
            raise FetchError(_TOO_SLOW.format(bounds.seconds)) from None
        except SSRFGuardError:
            raise FetchError(_NOT_PUBLIC, final=True) from None
        except httpx.ConnectError as error:
            raise FetchError(_why_no_connection(error)) from None
        except httpx.InvalidURL:
            raise FetchError("That address cannot be read.", final=True) from None
        except (httpx.HTTPError, UnicodeError):
            raise FetchError("The site’s answer broke off, or was not one.") from None

    def status(self, url: str, bounds: Bounds = PAGE) -> int:
        """Return the status that a page answers with, as `answer` learns it."""
        return self.answer(url, bounds).status

    def answer(self, url: str, bounds: Bounds = PAGE) -> Answered:
        """Learn what a page answers with, in the end where it sends us on.

        Asked by HEAD first; where a server answers that with anything but success it is asked by
        GET, for many know no HEAD, or answer it wrongly. Nothing of a body is read.

        Raises:
            FetchError: not from there, not in time, or no answer at all.
        """
        headers = {"User-Agent": self._user_agent, "Accept": bounds.accept}
        with ThreadPoolExecutor(1, "fetch") as thread:
            return thread.submit(asyncio.run, self._answer(url, bounds, headers)).result()

    async def _answer(self, url: str, bounds: Bounds, headers: dict[str, str]) -> Answered:
        async def ask(client: AsyncClient) -> Answered:
            try:
                found = await self._final_answer(client, "HEAD", url)
                if found.status < 300:
                    return found
            except httpx.RemoteProtocolError:
                pass  # it hung up, or sent a body that nobody asked for
            return await self._final_answer(client, "GET", url)

        return await self._in_time(bounds, headers, ask)

    async def _final_answer(self, client: AsyncClient, method: str, url: str) -> Answered:
        at = url
        for _ in range(REDIRECTS_AT_MOST + 1):
            self._check(at)
            async with client.stream(method, at) as response:
                if response.next_request is None:
                    return Answered(at, response.status_code, _is_challenge(response))
                at = str(response.next_request.url)
        raise SentOnError

    def _client(self, headers: dict[str, str]) -> AsyncClient:
        return AsyncClient(
            policy=self._policy,
            resolver=look_up,
            verify=self._tls,
            trust_env=False,
            headers=headers,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
        )

    async def _follow(self, client: AsyncClient, url: str, bounds: Bounds) -> Fetched:
        at, for_good = url, True
        # One by one, because httpx would read the whole body of a redirect, however long.
        for _ in range(REDIRECTS_AT_MOST + 1):
            self._check(at)
            async with client.stream("GET", at) as response:
                if response.next_request is None:
                    moved_to = at if for_good and at != url else None
                    return await _taken(response, bounds, moved_to)
                at = str(response.next_request.url)
                for_good = for_good and response.status_code in FOR_GOOD
        raise SentOnError

    def _check(self, url: str) -> None:
        """Refuse what the policy would, where we can say it in plainer words."""
        parts = httpx.URL(url)
        if parts.scheme not in {"http", "https"} or parts.userinfo:
            raise FetchError("Only http and https addresses without a password.", final=True)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if port not in self._ports:
            raise FetchError(f"Only the ports 80 and 443, not {port}.", final=True)


_TOO_SLOW = "The site did not answer in full within {:g} seconds."
_NOT_PUBLIC = (
    "That address is not on the public internet, and we fetch from nowhere else. "
    "DIGEST_FETCH_PRIVATE allows it, for tests."
)


def _is_challenge(response: httpx.Response) -> bool:
    """Tell by what Cloudflare and Amazon's firewall say of their own pages."""
    said = (response.headers.get(name, "") for name in ("cf-mitigated", "x-amzn-waf-action"))
    return any(word.strip().lower() in {"challenge", "captcha"} for word in said)


async def _taken(response: httpx.Response, bounds: Bounds, moved_to: str | None) -> Fetched:
    conditional = {"if-none-match", "if-modified-since"} & response.request.headers.keys()
    unchanged = response.status_code == 304 and bool(conditional)
    if not unchanged and response.status_code != 200:
        raise _refusal(response, bounds)
    return Fetched(
        url=str(response.url),
        content=None if unchanged else await _body(response, bounds),
        charset=response.charset_encoding,
        etag=_header(response, "etag", ETAG_AT_MOST),
        last_modified=_header(response, "last-modified", LAST_MODIFIED_AT_MOST),
        moved_to=moved_to,
    )


def _header(response: httpx.Response, name: str, at_most: int) -> str | None:
    value = response.headers.get(name, "")
    return value if value.isascii() and value.isprintable() and 0 < len(value) <= at_most else None


def _refusal(response: httpx.Response, bounds: Bounds) -> FetchError:
    status = response.status_code
    if status == 410:
        return FetchError(
            f"The site says that this {bounds.noun} is gone for good (410).",
            absent=True,
            wait=LONGEST_WAIT,
        )
    if status == 404:
        return FetchError(f"There is no {bounds.noun} at that address (404).", absent=True)
    if status in {401, 403}:
        return FetchError(f"The site does not let us have it ({status}).", absent=True)
    if status in {429, 503}:
        wait = _asked_wait(response.headers.get("retry-after", ""))
        return FetchError(f"The site asks us to come back later ({status}).", wait=wait)
    return FetchError(f"The site answered with status {status} instead of the {bounds.noun}.")


def _asked_wait(text: str) -> timedelta:
    """Return what Retry-After asks for (RFC 9110, section 10.2.3), within reason."""
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return timedelta(0)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - datetime.now(UTC), timedelta(0)), LONGEST_WAIT)


async def _body(response: httpx.Response, bounds: Bounds) -> bytes:
    too_large = FetchError(
        f"The {bounds.noun} is larger than {bounds.bytes_at_most / 1_000_000:g} MB.", final=True
    )
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > bounds.bytes_at_most:
        raise too_large
    unpack = _unpacking(response.headers.get("content-encoding", ""))
    body, received = bytearray(), 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        # One byte more than is allowed tells that there is more, and a bomb goes no further.
        body += unpack(chunk, bounds.bytes_at_most - len(body) + 1)
        if max(received, len(body)) > bounds.bytes_at_most:
            raise too_large
    unpack.check_end()
    return bytes(body)


class _Plain:
    """A body that is sent as it is."""

    def __call__(self, chunk: bytes, room: int) -> bytes:
        return chunk

    def check_end(self) -> None:
        """Know of no end but the connection's."""


class _Gunzip:
    """A body that is sent packed, of one member or of several (RFC 1952)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def __call__(self, chunk: bytes, room: int) -> bytes:
        out = b""
        try:
            while chunk and len(out) < room:
                if self._member.eof:
                    self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
                out += self._member.decompress(chunk, room - len(out))
                chunk = self._member.unused_data
        except zlib.error:
            raise FetchError("The site’s answer is packed in a way that cannot be read.") from None
        return out

    def check_end(self) -> None:
        if not self._member.eof:
            raise FetchError("The site’s answer broke off.")


def _unpacking(encoding: str) -> _Plain | _Gunzip:
    match encoding.strip().lower():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Gunzip()
    raise FetchError("The site packs its answers in a way that we did not ask for.")


def look_up(*question: Any) -> list[Any]:
    """Ask the machine's resolver, as `socket.getaddrinfo` does, but wait no longer than 5 s.

    Raises:
        socket.gaierror: there is no such name, or nobody said in time.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(*question))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    # getaddrinfo cannot be stopped; whoever waits for it can.
    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        found = answers.get(timeout=LOOK_UP_SECONDS)
    except queue.Empty:
        raise socket.gaierror(socket.EAI_AGAIN, "no answer in time") from None
    if isinstance(found, UnicodeError):
        raise socket.gaierror(socket.EAI_NONAME, "not a name") from None
    if isinstance(found, OSError):
        raise found
    return list(found)


def _why_no_connection(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "There is no site of that name, or its name could not be looked up."
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "The site’s certificate is not valid for it."
        cause = cause.__cause__ or cause.__context__
    return "The site did not take the connection."


@functools.cache
def _policy(private_networks: tuple[str, ...], ports: frozenset[int] | range) -> Policy:
    # It looks through every port that it allows, which takes a fifth of a fetch.
    return Policy(
        allowed_networks=tuple(map(ip_network, private_networks)),
        allowed_ports=frozenset(ports),
        max_connection_attempts=ADDRESSES_TRIED,
    )


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the authorities takes longer than many a fetch.
    return httpx.create_ssl_context()


@functools.cache
def _version() -> str:
    try:
        return metadata.version("digest")
    except metadata.PackageNotFoundError:
        return "0"  # a checkout that nobody installed
