"""Planned deliveries gathered into batches, however their variants and times alternate."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, insert, select

from newsletter.errors import IssueError
from newsletter.ledger.database import Database, insert_absent
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
_PLANNED: Final = STATUS_CODES[DeliveryStatus.PLANNED]

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

_Row = tuple[str | int | None, ...]
_Kind = tuple[str, datetime | None]  # a variant and when it leaves: what a batch is of


class Planning:
    """Writes a month's deliveries piece by piece, each piece whole or not at all.

    A batch that one piece did not fill is filled by the next, unless it was claimed meanwhile: so
    memory stays flat and batches full, however many variants there are.
    """

    def __init__(self, database: Database, month: str, *, now: datetime, batch_size: int) -> None:
        self._database = database
        self._month = month
        self._now = to_microseconds(now)
        self._batch_size = batch_size
        self._last: dict[_Kind, tuple[int, int]] = {}  # its last batch, and the room there

    def write(self, planned: Iterable[PlannedDelivery]) -> int:
        """How many deliveries are new. Raises `IssueError` where the issue is cancelled."""
        written = 0
        remaining = iter(planned)
        while piece := list(islice(remaining, _PIECE)):
            with self._database.write() as connection:
                written += self._write_piece(connection, piece)
        return written

    def _write_piece(self, connection: Connection, piece: Sequence[PlannedDelivery]) -> int:
        state = lock_state(connection, self._month)
        if state is IssueState.CANCELLED:
            raise IssueError("it is cancelled, which is final", where=self._month)
        self._forget_claimed(connection)
        written = insert_absent(connection, deliveries, self._rows(connection, piece))
        if written < len(piece):
            connection.execute(_DROP_EMPTY, {"month": self._month})
        if written and state is IssueState.FINISHED:
            set_state(connection, self._month, IssueState.SENDING, finished_at=None)
        return written

    def _forget_claimed(self, connection: Connection) -> None:
        if self._last:
            untouched = set(connection.scalars(_UNTOUCHED, {"month": self._month}))
            self._last = {kind: last for kind, last in self._last.items() if last[0] in untouched}

    def _rows(self, connection: Connection, piece: Sequence[PlannedDelivery]) -> list[_Row]:
        """A row for each delivery of the piece, batch by batch."""
        by_kind: dict[_Kind, list[PlannedDelivery]] = {}
        for delivery in piece:
            by_kind.setdefault((delivery.variant_id, delivery.leaves_at), []).append(delivery)
        rows: list[_Row] = []
        overflow: list[tuple[_Kind, list[PlannedDelivery]]] = []
        for kind, found in by_kind.items():
            batch_id, room = self._last.get(kind, (0, 0))
            rows += self._in_batch(kind, batch_id, room, found[:room])
            overflow += [
                (kind, found[start : start + self._batch_size])
                for start in range(room, len(found), self._batch_size)
            ]
        new_ids = self._new_batches(connection, [kind for kind, _ in overflow])
        for batch_id, (kind, part) in zip(new_ids, overflow, strict=True):
            rows += self._in_batch(kind, batch_id, self._batch_size, part)
        return rows

    def _in_batch(
        self, kind: _Kind, batch_id: int, room: int, part: Sequence[PlannedDelivery]
    ) -> list[_Row]:
        self._last[kind] = (batch_id, room - len(part))
        month, at = self._month, self._now
        return [
            (one.delivery_id, month, one.subscriber_id, batch_id, _PLANNED, "", 0, at)
            for one in part
        ]

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
