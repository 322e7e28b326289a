"""Requests as no browser of a reader would send them, the same ones for the same chance."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes, urlencode

from tests.web.in_process import Header, Request

_METHODS: Final = (
    "GET",
    "HEAD",
    "POST",
    "POST",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "BREW",
)
_PLACES: Final = (
    "subscribe",
    "preferences",
    "confirm",
    "unsubscribe",
    "webhooks",
    "api/v1",
    "2022-11",
)
_PAGES: Final = (
    *("", "subscribe", "preferences", "healthz", "readyz", "metrics", "pages.css", "favicon.ico"),
    *(
        "2022-11",
        "2022-11/",
        "feed.xml",
        "sitemap.xml",
        "topics/",
        "webhooks/sendgrid",
        "robots.txt",
    ),
    *("api/v1", "api/v1/docs", "api/v1/topics", "api/v1/openapi.json", "api/v1/subscriptions"),
    *("api/v1/subscribers/search", "..%2fconfig.toml", "%2e%2e/var/newsletter.db", "%00", "%c0%af"),
    *(
        "/evil.example",
        "2022-11//",
        "subscribe/",
        "subscribe%20",
        "%0d%0aLocation:%20x",
        "a" * 9000,
    ),
)
_FORMS: Final = "application/x-www-form-urlencoded"
_KINDS: Final = (
    *(_FORMS, _FORMS, "application/json", "multipart/form-data; boundary=x", "multipart/form-data"),
    *(
        "multipart/form-data; boundary=" + "x" * 300,
        "text/plain; charset=utf-16",
        "application/xml",
    ),
    *(
        "multipart/form-data; charset=unicode_escape; boundary=x",
        "\xff",
        "",
        "application/problem+json",
    ),
)
_TEXTS: Final = (
    *("", "ana@clinic.example", "ANA@CLINIC.EXAMPLE", "ana@clinic.example\r\nBcc: x@y.example"),
    *(
        "\u0430n\u0430@clinic.example",
        "ana@xn--zckzah.example",
        "a" * 400 + "@b.example",
        "ana@[127.0.0.1]",
    ),
    *("<script>alert(1)</script>", "{{ 7*7 }}", "%s%n", "\x00", "\ud800", "\u202etxet", "😀" * 120),
    *("=HYPERLINK(1)", "en", "fr", "de-CH", "alliance", "cbt", "save", "pause", "return", "data"),
    *(
        "erase",
        "2027-02",
        "9999-99",
        "true",
        "null",
        "-1",
        "1e999",
        "' OR 1=1 --",
        "../../etc/passwd",
    ),
)
_FIELDS: Final = ("email", "name", "language", "topics", "website", "shown", "action", "until", "x")
_MEMBERS: Final = (*_FIELDS, "consent", "words", "source", "client", "status", "paused_until")
_NEWS: Final = (
    "event",
    "email",
    "timestamp",
    "type",
    "status",
    "delivery_id",
    "sg_event_id",
    "reason",
)
_EVENTS: Final = ("bounce", "delivered", "processed", "spamreport", "group_unsubscribe", "dropped")
_HEADERS: Final = (
    *("Accept-Language", "User-Agent", "Host", "Cookie", "Range", "If-None-Match", "Origin"),
    *("If-Modified-Since", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Accept"),
    *(
        "X-Forwarded-Host",
        "X-HTTP-Method-Override",
        "Expect",
        "Upgrade",
        "Referer",
        "Authorization",
    ),
)
_VALUES: Final = (
    *("", "x", "evil.example", "bytes=0-", "bytes=9-1,-5,a-", "gzip", "chunked", "fr;q=2,en;q=x"),
    *("999999999999999999999", "-1", "+5", "0x10", "١٢", "*", 'W/"a", *', "Bearer", "Basic eA=="),
    *("Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo 99999 99:99:99 +9999", "\xff\xfe", "a" * 4000),
    *(", " * 500, "fr-" * 900, "100-continue", "DELETE", "websocket"),
)

Sign = Callable[[bytes, str], str]  # body, timestamp -> signature


@dataclass(frozen=True, slots=True)
class Oddities:
    """Makes one odd request after the other. Some of what they hold is genuine, to get further in.

    `paths` lead to real people, `secrets` open the API, `sign` is the provider's own hand.
    """

    chance: Random
    paths: Sequence[str]
    people: Sequence[str]
    secrets: Sequence[str]
    sign: Sign
    now: int

    def request(self) -> Request:
        """The next one."""
        chance = self.chance
        path = self._path()
        headers, body = self._body()
        headers += [
            (name.lower().encode(), chance.choice(_VALUES).encode("utf-8"))
            for name in chance.sample(_HEADERS, chance.choice((0, 0, 1, 3)))
        ]
        if chance.random() < 0.5:
            secret = self._damaged(chance.choice(self.secrets).encode(), 0.2)
            headers.append((b"authorization", b"Bearer " + secret))
        if path.startswith(b"/webhooks") or chance.random() < 0.05:
            headers += self._signature(body)
        return Request(
            method=chance.choice(_METHODS),
            path=path,
            query=chance.choice((b"", b"", b"lang=fr", b"lang=%00", b"page", b"%ff=%fe&lang[]=x")),
            headers=headers,
            pieces=self._pieces(body),
            client=f"10.{chance.randrange(256)}.{chance.randrange(256)}.1",
            hangs_up=chance.random() < 0.02,
        )

    def _path(self) -> bytes:
        chance, kind = self.chance, self.chance.random()
        if kind < 0.45:
            return f"/{chance.choice(_PAGES)}".encode()
        if kind < 0.55:
            return f"/api/v1/subscribers/{chance.choice((*self.people, '0' * 32, 'x'))}".encode()
        if kind < 0.85:
            known = chance.choice(self.paths)
            place, token = known.rsplit("/", 1)
            damaged = self._damaged(token.encode(), 0.5)
            return f"{place}/{quote_from_bytes(damaged, safe='')}".encode()
        text = chance.choice(_TEXTS).encode("utf-8", "surrogatepass")
        return f"/{chance.choice(_PLACES)}/{quote(text, safe='')}".encode()

    def _body(self) -> tuple[list[Header], bytes]:
        kind = self.chance.choice(_KINDS)
        make = self.chance.choice(
            (self._form, self._form, self._multipart, self._json, self._noise)
        )
        return [(b"content-type", kind.encode("latin-1"))], self._damaged(make(), 0.3)

    def _text(self) -> str:
        return self.chance.choice(_TEXTS)

    def _form(self) -> bytes:
        fields = [
            (self.chance.choice(_FIELDS), self._text()) for _ in range(self.chance.randrange(9))
        ]
        return urlencode(fields, errors="surrogatepass").encode()

    def _multipart(self) -> bytes:
        parts = (
            f'--x\r\nContent-Disposition: form-data; name="{self.chance.choice(_FIELDS)}"'
            f"{self.chance.choice(('', '; filename=a'))}\r\n\r\n{self._text()}\r\n"
            for _ in range(self.chance.randrange(6))
        )
        return ("".join(parts) + "--x--\r\n").encode("utf-8", "surrogatepass")

    def _json(self) -> bytes:
        chance = self.chance
        value: Any = chance.choice(
            (
                lambda: {name: self._value(2) for name in chance.sample(_MEMBERS, 5)},
                lambda: {"email": "ana@clinic.example", "consent": self._value(2)},
                lambda: [self._news() for _ in range(chance.randrange(5))],
                lambda: self._value(4),
            )
        )()
        return json.dumps(value).encode()

    def _news(self) -> dict[str, Any]:
        event = {name: self._value(1) for name in self.chance.sample(_NEWS, 4)}
        return {"event": self.chance.choice(_EVENTS), "timestamp": self.now, **event}

    def _value(self, depth: int) -> Any:  # noqa: ANN401 - whatever JSON can hold
        chance, kind = self.chance, self.chance.randrange(8)
        if kind == 0 and depth:
            return [self._value(depth - 1) for _ in range(3)]
        if kind == 1 and depth:
            return {chance.choice(_MEMBERS): self._value(depth - 1) for _ in range(3)}
        return chance.choice((None, True, 0, -1, 10**30, 1e308, float("nan"), self._text()))

    def _noise(self) -> bytes:
        chance = self.chance
        return chance.choice(
            (
                lambda: b"",
                lambda: chance.randbytes(chance.randrange(300)),
                lambda: b"[" * 30_000,
                lambda: b'{"a":' * 9_000,
                lambda: b"a=1&" * 1000,
                lambda: b"x" * 70_000,
            )
        )()

    def _signature(self, body: bytes) -> list[Header]:
        chance = self.chance
        at = chance.choice((str(self.now),) * 5 + ("0", str(self.now + 9**9), "-1", "x", "٣", ""))
        signature = self.sign(body, at) if chance.random() < 0.8 else chance.choice(_VALUES)
        return [
            (b"x-twilio-email-event-webhook-signature", signature.encode()),
            (b"x-twilio-email-event-webhook-timestamp", at.encode()),
        ]

    def _damaged(self, whole: bytes, how_often: float) -> bytes:
        chance = self.chance
        if not whole or chance.random() >= how_often:
            return whole
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            place = chance.randrange(len(damaged) + 1)
            damaged[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        return bytes(damaged)

    def _pieces(self, body: bytes) -> list[bytes]:
        if self.chance.random() < 0.8:
            return [body]
        size = max(len(body) // 7, 1)
        return [body[start : start + size] for start in range(0, len(body) + 1, size)]


def encoded(signature: bytes) -> str:
    """A signature as the provider's header has it."""
    return base64.b64encode(signature).decode()
