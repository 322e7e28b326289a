"""Planned deliveries gathered into batches, however their variants and times alternate."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, insert, select

from newsletter.errors import IssueError
from newsletter.ledger.database import Database, insert_alike
from newsletter.ledger.states import lock_state, set_state
from newsletter.ledger.tables import (
    STATUS_CODES,
    BatchStatus,
    batches,
    deliveries,
    to_microseconds,
)
from newsletter.model.delivery import DeliveryStatus, IssueState, PlannedDelivery

_PIECE: Final = 20_000
_NAMES: Final = ("id", "subscriber_id")

_is_untouched: Final = (
    (batches.c.month == bindparam("month"))
    & (batches.c.status == BatchStatus.PLANNED)
    & (batches.c.fence == 0)
)
_UNTOUCHED: Final = select(batches.c.id).where(_is_untouched).with_for_update()
_DROP_EMPTY: Final = delete(batches).where(
    _is_untouched, ~exists().where(deliveries.c.batch_id == batches.c.id)
)
_NEW_BATCHES: Final = insert(batches).returning(batches.c.id, sort_by_parameter_order=True)

_Pair = tuple[str, str]  # the ids of a delivery and of its subscriber
_Kind = tuple[str, datetime | None]  # a variant and when it leaves: what a batch is of


class Planning:
    """Writes a month's deliveries piece by piece, each piece whole or not at all.

    A batch that one piece did not fill is filled by the next, unless it was claimed meanwhile: so
    memory stays flat and batches full, however many variants there are.
    """

    def __init__(self, database: Database, month: str, *, now: datetime, batch_size: int) -> None:
        self._database = database
        self._month = month
        self._alike: dict[str, str | int] = {
            "month": month,
            "status": STATUS_CODES[DeliveryStatus.PLANNED],
            "reason": "",
            "attempts": 0,
            "updated_at": to_microseconds(now),
        }
        self._batch_size = batch_size
        self._last: dict[_Kind, tuple[int, int]] = {}  # its last batch, and the room there

    def write(self, planned: Iterable[PlannedDelivery]) -> int:
        """How many deliveries are new. Raises `IssueError` where the issue is cancelled.

        While a piece is written the next one is read, in a thread of its own.
        """
        written = 0
        remaining = iter(planned)
        with ThreadPoolExecutor(1, "promises") as reader:
            ahead = reader.submit(_next_piece, remaining)
            while piece := ahead.result():
                ahead = reader.submit(_next_piece, remaining)
                with self._database.write() as connection:
                    written += self._write_piece(connection, piece)
        return written

    def _write_piece(self, connection: Connection, piece: Sequence[PlannedDelivery]) -> int:
        state = lock_state(connection, self._month)
        if state is IssueState.CANCELLED:
            raise IssueError("it is cancelled, which is final", where=self._month)
        self._forget_claimed(connection)
        written = sum(
            insert_alike(
                connection, deliveries, {**self._alike, "batch_id": batch_id}, _NAMES, part
            )
            for batch_id, part in self._in_batches(connection, piece)
        )
        if written < len(piece):
            connection.execute(_DROP_EMPTY, {"month": self._month})
        if written and state is IssueState.FINISHED:
            set_state(connection, self._month, IssueState.SENDING, finished_at=None)
        return written

    def _forget_claimed(self, connection: Connection) -> None:
        if self._last:
            untouched = set(connection.scalars(_UNTOUCHED, {"month": self._month}))
            self._last = {kind: last for kind, last in self._last.items() if last[0] in untouched}

    def _in_batches(
        self, connection: Connection, piece: Sequence[PlannedDelivery]
    ) -> list[tuple[int, list[_Pair]]]:
        """The batches that the deliveries of the piece belong to, with theirs."""
        by_kind: dict[_Kind, list[_Pair]] = {}
        for delivery_id, subscriber_id, variant_id, leaves_at in piece:
            by_kind.setdefault((variant_id, leaves_at), []).append((delivery_id, subscriber_id))
        filled: list[tuple[int, list[_Pair]]] = []
        overflow: list[tuple[_Kind, list[_Pair]]] = []
        for kind, found in by_kind.items():
            batch_id, room = self._last.get(kind, (0, 0))
            if part := found[:room]:
                filled.append((batch_id, part))
                self._last[kind] = (batch_id, room - len(part))
            overflow += [
                (kind, found[start : start + self._batch_size])
                for start in range(room, len(found), self._batch_size)
            ]
        new_ids = self._new_batches(connection, [kind for kind, _ in overflow])
        for batch_id, (kind, part) in zip(new_ids, overflow, strict=True):
            filled.append((batch_id, part))
            self._last[kind] = (batch_id, self._batch_size - len(part))
        return filled

    def _new_batches(self, connection: Connection, kinds: Sequence[_Kind]) -> Sequence[int]:
        if not kinds:
            return ()
        values = [
            {
                "month": self._month,
                "variant_id": variant_id,
                "status": BatchStatus.PLANNED,
                "fence": 0,
                "leaves_at": leaves_at,
            }
            for variant_id, leaves_at in kinds
        ]
        return connection.scalars(_NEW_BATCHES, values).all()


def _next_piece(remaining: Iterator[PlannedDelivery]) -> list[PlannedDelivery]:
    return list(islice(remaining, _PIECE))
