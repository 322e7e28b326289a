"""The alarm clock. The only file that knows APScheduler, whose jobs are in memory alone.

It rings at the start, every minute, and at the very moment that an issue is due.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import Final

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler

from newsletter.errors import NewsletterError
from newsletter.logs import ERROR, WARNING, event

logging.getLogger("apscheduler").addHandler(logging.NullHandler())  # what it knows, events tell
logging.getLogger("apscheduler").propagate = False

_EVERY: Final = timedelta(minutes=1)
_DUE: Final = "due"


@contextmanager
def ringing(
    tick: Callable[[], datetime], report: Callable[[NewsletterError], None]
) -> Iterator[None]:
    """Call `tick` in a thread of its own until the end of the block, which waits for the last one.

    A tick gives the next moment at which it must come. What it cannot do now, a NewsletterError,
    goes to `report`, and the next minute tries again.
    """
    clock = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": 30}
    )
    turn, is_over = Lock(), Event()

    def ring() -> None:
        with turn:
            if is_over.is_set():
                return
            try:
                due_at = tick()
            except NewsletterError as error:
                event("schedule.failed", ERROR, reason=str(error))
                report(error)
            else:
                clock.add_job(ring, "date", run_date=due_at, id=_DUE, replace_existing=True)

    clock.add_listener(_note_trouble, EVENT_JOB_MISSED | EVENT_JOB_ERROR)
    clock.add_job(ring, "interval", seconds=_EVERY.total_seconds(), next_run_time=datetime.now(UTC))
    clock.start()
    try:
        yield
    finally:
        is_over.set()
        with turn:  # APScheduler's shutdown and a job that adds another wait for each other
            clock.shutdown(wait=False)


def _note_trouble(trouble: JobExecutionEvent) -> None:
    if fault := trouble.exception:
        event("schedule.fault", ERROR, reason=f"{type(fault).__name__}: {fault}")
    else:
        event("schedule.misfire", WARNING, job=trouble.job_id)
