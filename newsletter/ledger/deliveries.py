"""Every promise to deliver: frozen, planned, claimed before it is sent, recorded after."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, func, or_, select, update

from newsletter.errors import IssueError
from newsletter.ledger.claims import take_next
from newsletter.ledger.database import Database
from newsletter.ledger.handovers import HandOverFiles, HandOvers
from newsletter.ledger.outcome_report import OutcomeLine, outcome_lines
from newsletter.ledger.outcomes import close, name_held, require_held, settle
from newsletter.ledger.planning import Planning
from newsletter.ledger.recovery import Orphan, take_over
from newsletter.ledger.states import (
    FrozenIssue,
    freeze,
    load_frozen,
    lock_issue,
    lock_state,
    move_state,
    share_state,
    thaw,
)
from newsletter.ledger.tables import BatchStatus, batches, deliveries, issues, subscribers
from newsletter.model.delivery import (
    PENDING,
    PROBLEMATIC,
    Batch,
    DeliveryProblem,
    DeliveryStatus,
    IssueState,
    Outcome,
    PlannedDelivery,
    Receipt,
)

_S = DeliveryStatus
_d, _b = deliveries.c, batches.c


class Deliveries:
    """The deliveries of every issue. A month is written `2022-11`; times are aware."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hand_overs = HandOverFiles(database.senders)

    def freeze(
        self,
        month: str,
        *,
        digests: Mapping[str, str],
        content: str,
        due_at: datetime | None = None,
        now: datetime,
    ) -> FrozenIssue:
        """Begin the sending of an issue; where it has begun, what was frozen then."""
        with self._database.write() as connection:
            return freeze(
                connection, month, digests=digests, content=content, due_at=due_at, now=now
            )

    def thaw(self, month: str) -> bool:
        """Forget that sending began, plan and all, if nobody has been sent to; whether so."""
        with self._database.write() as connection:
            return thaw(connection, month)

    def frozen(self, month: str) -> FrozenIssue | None:
        """What was frozen when the sending of the issue began, if it has."""
        with self._database.read() as connection:
            return load_frozen(connection, month)

    def state(self, month: str) -> IssueState | None:
        """The state of an issue whose sending has begun."""
        with self._database.read() as connection:
            found: IssueState | None = connection.scalar(
                select(issues.c.state).where(issues.c.month == month)
            )
        return found

    def months(self) -> list[str]:
        """Every month whose sending has begun, oldest first."""
        with self._database.read() as connection:
            return list(connection.scalars(select(issues.c.month).order_by(issues.c.month)))

    def set_state(self, month: str, state: IssueState, *, now: datetime, because: str = "") -> None:
        """Pause, resume, cancel or finish; what is so already stays so.

        `because` says why the program pauses an issue that no person paused. Raises `IssueError`
        where the issue is cancelled, finished (`plan` reopens it) or unbegun.
        """
        if state is IssueState.CANCELLED:
            self.cancel(month, now=now)
            return
        with self._database.write() as connection:
            move_state(connection, month, state, now=now, because=because)

    def cancel(self, month: str, *, now: datetime) -> int:
        """Never send what is still planned; return how many that is. What is on its way goes on.

        Raises `IssueError` where the issue is finished or unbegun.
        """
        is_open = (_b.month == month) & (_b.status != BatchStatus.DONE)
        with self._database.write() as connection:
            move_state(connection, month, IssueState.CANCELLED, now=now)
            cancelled = connection.execute(
                update(deliveries)
                .where(_d.batch_id.in_(select(_b.id).where(is_open)), _d.status == _S.PLANNED)
                .values(status=_S.CANCELLED, updated_at=now)
            ).rowcount
            connection.execute(
                update(batches)
                .where(_b.month == month, _b.status == BatchStatus.PLANNED)
                .values(status=BatchStatus.DONE)
            )
        return cancelled

    def plan(
        self,
        month: str,
        planned: Iterable[PlannedDelivery],
        *,
        now: datetime,
        batch_size: int = 1000,
    ) -> int:
        """Write the promises down, in batches of one variant and time; return how many are new.

        Whoever has a delivery of the month keeps it, so after a kill the rest can be planned.
        `planned` is read as it comes and may itself read the ledger. A finished issue that gets
        new deliveries is sending again. Raises `IssueError` where it is cancelled or unbegun.
        """
        return Planning(self._database, month, now=now, batch_size=batch_size).write(planned)

    def claim(  # noqa: PLR0913 - a claim says who, for what, when and how much
        self,
        month: str,
        owner: str,
        *,
        now: datetime,
        transport: str = "",
        head_start: timedelta = timedelta(),
        limit: int | None = None,
        is_noted: bool = False,
    ) -> Batch | None:
        """The next batch, or at most `limit` (≥ 1) deliveries of it, for `owner` to send.

        That it is being sent is committed before it is returned. Whoever has left, been
        suppressed or erased since the plan is skipped. None where nothing can be claimed now: the
        issue is not sending, all is claimed, or what is left waits for another attempt, or until
        its time (`leaves_at`) is no further away than `head_start`.

        Notes of what is handed over (`hand_overs`) are begun before that is committed, so that a
        sender that dies in between leaves nothing in doubt. Raises `LedgerError` where they cannot
        be; nothing is claimed then.
        """
        while True:
            notes = self._hand_overs.beginning()
            with notes as begin_notes, self._database.write() as connection:
                batch = take_next(
                    connection,
                    month,
                    owner,
                    transport=transport,
                    now=now,
                    head_start=head_start,
                    limit=limit,
                )
                if batch and batch.deliveries and is_noted:
                    begin_notes(batch)
                if batch is None or batch.deliveries:
                    return batch
                close(connection, batch.id, IssueState.SENDING, now=now)

    def hand_overs(self, batch: Batch) -> HandOvers:
        """Where the owner of a batch claimed as noted keeps its notes: asked for once."""
        return self._hand_overs.take(batch)

    def commit(self, batch: Batch, provider_batch_id: str) -> None:
        """Note under which name the provider can call the batch back, before it gets it.

        Raises `FenceLost` where the batch is in other hands.
        """
        with self._database.write() as connection:
            name_held(connection, batch, provider_batch_id)

    def hurry(self, month: str, *, after: datetime | None = None) -> None:
        """Let everything that waits for another attempt be claimed at once.

        Or only what would wait until `after`, as its time was written under a wrong clock.
        """
        waits = _b.next_attempt_at.is_not(None) if after is None else _b.next_attempt_at > after
        with self._database.write() as connection:
            lock_issue(connection, month)
            connection.execute(
                update(batches).where(_b.month == month, waits).values(next_attempt_at=None)
            )

    def next_attempt_at(self, month: str) -> datetime | None:
        """When the first of the batches that wait may be claimed; None where none waits."""
        statement = select(func.min(_b.next_attempt_at)).where(
            _b.month == month, _b.status == BatchStatus.PLANNED
        )
        with self._database.read() as connection:
            first: datetime | None = connection.scalar(statement)
        return first

    def record(  # noqa: PLR0913 - each says how the answers are to be kept
        self,
        batch: Batch,
        receipts: Sequence[Receipt],
        *,
        now: datetime,
        retry_at: datetime | None = None,
        max_attempts: int | None = None,
        close_batch: bool = True,
    ) -> None:
        """Keep a transport's answers, and close the batch unless more are to come.

        A retry is planned again, not before `retry_at`; at `max_attempts` answers it has failed.
        Without an answer at the close a delivery is planned again: it was certainly not sent.
        Raises `FenceLost` where the batch is in other hands; nothing is written then.
        """
        with self._database.write() as connection:
            state = share_state(connection, batch.month)
            require_held(connection, batch)
            settle(connection, batch, receipts, now=now, max_attempts=max_attempts)
            if close_batch:
                close(connection, batch.id, state, now=now, retry_at=retry_at)

    def recover(
        self,
        month: str,
        *,
        is_alive: Callable[[str], bool],
        can_repeat: Callable[[Orphan], bool],
        now: datetime,
    ) -> int:
        """Take batches from owners who died; return how many of their deliveries had no answer.

        Where sending them again reaches nobody twice (`can_repeat`) those are planned again; else
        they become uncertain, but for what its owner noted about them (`hand_overs`).
        """
        return take_over(
            self._database,
            self._hand_overs,
            month,
            is_alive=is_alive,
            can_repeat=can_repeat,
            now=now,
        )

    def resolve(self, month: str, outcome: Outcome, *, now: datetime) -> int:
        """Settle what is uncertain by a person's word, as accepted or to retry; return how many.

        Raises `IssueError` for a retry where the issue is cancelled.
        """
        is_uncertain = (_d.month == month) & (_d.status == _S.UNCERTAIN)
        status = _S.PLANNED if outcome is Outcome.RETRY else _S.ACCEPTED
        with self._database.write() as connection:
            state = lock_state(connection, month)
            if status is _S.PLANNED:
                if state is IssueState.CANCELLED:
                    raise IssueError("it is cancelled, which is final", where=month)
                connection.execute(
                    update(batches)
                    .where(_b.id.in_(select(_d.batch_id).where(is_uncertain)))
                    .where(_b.status == BatchStatus.DONE)
                    .values(status=BatchStatus.PLANNED, next_attempt_at=None)
                )
            return connection.execute(
                update(deliveries)
                .where(is_uncertain)
                .values(status=status, reason="", updated_at=now)
            ).rowcount

    def finish_if_done(self, month: str, *, now: datetime) -> bool:
        """Finish the issue if no delivery is planned, sending or uncertain; whether it is.

        One whose messages are given in and have not left is not finished.
        """
        is_open = exists().where(
            _b.month == month,
            _b.status != BatchStatus.DONE,
            _d.batch_id == _b.id,
            _d.status.in_(PENDING),
        )
        is_uncertain = exists().where(_d.month == month, _d.status == _S.UNCERTAIN)
        is_to_come = exists().where(
            _b.month == month, or_(_b.leaves_at > now, _b.status == BatchStatus.RECALLING)
        )
        with self._database.write() as connection:
            state = lock_state(connection, month)
            if state in {IssueState.CANCELLED, IssueState.FINISHED}:
                return state is IssueState.FINISHED
            unfinished = (is_open, is_uncertain, is_to_come)
            if any(connection.scalar(select(is_so)) for is_so in unfinished):
                return False
            move_state(connection, month, IssueState.FINISHED, now=now)
            return True

    def counts(self, month: str) -> dict[DeliveryStatus, int]:
        """How many deliveries of the month stand where; a status that none has is left out."""
        statement = select(_d.status, func.count()).where(_d.month == month).group_by(_d.status)
        with self._database.read() as connection:
            return dict(connection.execute(statement).all())

    def owners(self, month: str) -> set[str]:
        """Who has deliveries of the month in hand; some of them may have died."""
        statement = select(_b.owner).where(_b.month == month, _b.status == BatchStatus.SENDING)
        with self._database.read() as connection:
            return set(connection.scalars(statement))

    def variants(self, month: str) -> list[str]:
        """The variants that somebody was promised."""
        statement = select(_b.variant_id).where(_b.month == month).distinct()
        with self._database.read() as connection:
            return sorted(connection.scalars(statement))

    def outcomes(self, month: str) -> Iterator[OutcomeLine]:
        """Everybody's outcome: those with a delivery, then those stored without one and why."""
        return outcome_lines(self._database, month)

    def problems(self, month: str) -> Iterator[DeliveryProblem]:
        """The refused, failed and uncertain deliveries; an erased person's without an address."""
        statement = (
            select(_d.subscriber_id, _d.id, subscribers.c.email, _d.status, _d.reason)
            .outerjoin(subscribers, subscribers.c.id == _d.subscriber_id)
            .where(_d.month == month, _d.status.in_(PROBLEMATIC))
        )
        for _, delivery_id, email, status, reason in self._database.pages(
            statement, _d.subscriber_id
        ):
            yield DeliveryProblem(delivery_id, email or "", status, reason)
