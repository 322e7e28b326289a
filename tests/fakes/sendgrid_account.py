"""One account at SendGrid: the batches and messages it holds, and what has left it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any, Final, Self
from uuid import uuid4

from tests.fakes.sendgrid_rules import Email, emails, faults

BATCH: Final = "/v3/mail/batch"
SEND: Final = "/v3/mail/send"
CANCEL: Final = "/v3/user/scheduled_sends"
CANCELLABLE: Final = timedelta(minutes=10)  # before they leave
PENDING_LIMIT: Final = 10


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: JSON unless `page`, with headers of its own."""

    status: int
    document: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    page: str = ""

    @classmethod
    def error(cls, status: int, message: str, named: str | None = None) -> Self:
        """One complaint in the shape of the API's."""
        return cls(status, {"errors": [{"message": message, "field": named, "help": None}]})

    @property
    def content(self) -> bytes:
        """The body."""
        return (self.page or ("" if self.document is None else json.dumps(self.document))).encode()


class Account:
    """Takes, keeps, cancels and delivers. Its clock is the machine's until `advance` moves it."""

    def __init__(self, *, verified_sender: str | None = None) -> None:
        self.verified_sender = verified_sender
        self.refuses: Callable[[Mapping[str, Any]], bool] = lambda _: False  # without a reason
        self.scopes = {"mail.send", "mail.batch.create", "user.scheduled_sends.create"}
        self.requests: list[tuple[str, Any]] = []  # every POST with its document
        self._ahead = timedelta()
        self._batches: dict[str, datetime | None] = {}  # when each was cancelled
        self._queue: list[tuple[datetime, Mapping[str, Any]]] = []
        self._delivered: list[Email] = []
        self._lock = RLock()

    @property
    def now(self) -> datetime:
        """The account's time."""
        return datetime.now(UTC) + self._ahead

    @property
    def delivered(self) -> list[Email]:
        """What has left by now, in the order in which it did."""
        with self._lock:
            self._deliver()
            return list(self._delivered)

    def advance(self, time: timedelta) -> None:
        """Let time pass at once."""
        with self._lock:
            self._ahead += time
            self._deliver()

    def calls(self, path: str) -> int:
        """How often something was posted to a path."""
        return sum(1 for posted, _ in self.requests if posted == path)

    def answer(self, method: str, path: str, document: object) -> Reply:
        """Do what is asked, as SendGrid does."""
        with self._lock:
            self._deliver()
            if method == "POST":
                self.requests.append((path, document))
            body = document if isinstance(document, dict) else {}
            match method, path.removeprefix(CANCEL + "/"):
                case "POST", "/v3/mail/batch":
                    return self._create_batch()
                case "POST", "/v3/mail/send":
                    return self._take(body)
                case "POST", "/v3/user/scheduled_sends":
                    return self._cancel(body)
                case "GET", "/v3/scopes":
                    return Reply(200, {"scopes": sorted(self.scopes)})
                case "GET", batch_id if batch_id in self._batches:
                    status = [{"batch_id": batch_id, "status": "cancel"}]
                    return Reply(200, status if self._batches[batch_id] else [])
            return Reply.error(404, "not found")

    def _create_batch(self) -> Reply:
        batch_id = uuid4().hex
        self._batches[batch_id] = None
        return Reply(201, {"batch_id": batch_id})

    def _take(self, body: Mapping[str, Any]) -> Reply:
        found = list(faults(body, self.now.timestamp()))
        if found:
            errors = [{"field": name or None, "message": what} for name, what in found]
            return Reply(400, {"errors": errors})
        if body.get("batch_id", "") not in {"", *self._batches}:
            return Reply.error(400, "The batch_id is not valid.", "batch_id")
        if self.verified_sender not in {None, body["from"]["email"]}:
            what = "The from address does not match a verified Sender Identity."
            return Reply.error(403, what, "from")
        if any(self.refuses(person) for person in body["personalizations"]):
            return Reply.error(400, "Bad Request")
        if body.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return Reply(200, {})
        send_at = datetime.fromtimestamp(body.get("send_at", 0), UTC)
        self._queue.append((send_at, body))
        self._deliver()
        return Reply(202, headers={"X-Message-Id": uuid4().hex})

    def _cancel(self, body: Mapping[str, Any]) -> Reply:
        batch_id = body.get("batch_id")
        if batch_id not in self._batches or body.get("status") != "cancel":
            return Reply.error(400, "invalid batch id", "batch_id")
        if self._batches[batch_id]:
            return Reply.error(400, "The batch id already has a status.", "batch_id")
        if sum(map(self._is_pending, self._batches)) >= PENDING_LIMIT:
            return Reply.error(400, "The maximum number of cancellations is reached.")
        self._batches[batch_id] = self.now
        return Reply(201, {"batch_id": batch_id, "status": "cancel"})

    def _is_pending(self, batch_id: str) -> bool:
        """Whether a cancelled batch still has messages that wait to be dropped."""
        return bool(self._batches[batch_id]) and any(
            body.get("batch_id") == batch_id for _, body in self._queue
        )

    def _deliver(self) -> None:
        """Let everything leave that is due, but for what was cancelled in time.

        "Scheduled sends cancelled less than 10 minutes before the scheduled time are not
        guaranteed to be cancelled": here they never are.
        """
        due = [(at, body) for at, body in self._queue if at <= self.now]
        self._queue = [(at, body) for at, body in self._queue if at > self.now]
        for send_at, body in due:
            cancelled_at = self._batches.get(body.get("batch_id", ""))
            if cancelled_at is None or cancelled_at > send_at - CANCELLABLE:
                self._delivered.extend(emails(body))
