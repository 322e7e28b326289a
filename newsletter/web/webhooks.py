"""What a provider reports: believed only with its signature, taken into the ledger at once."""

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from newsletter.logs import WARNING, event
from newsletter.transports.sendgrid.events import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    EventsRefused,
    parse_events,
    verify,
)
from newsletter.web.site import Site, site_of

routes = APIRouter(include_in_schema=False)


@routes.post("/webhooks/sendgrid")
async def take_events(request: Request) -> Response:
    """Take SendGrid's signed events; 200 means that they are in the ledger for good."""
    site = site_of(request)
    if not site.public.webhook_key:
        return PlainTextResponse("No key is set for these events.\n", 403)
    headers = request.headers
    signed = headers.get(SIGNATURE_HEADER, ""), headers.get(TIMESTAMP_HEADER, "")
    body = await request.body()
    try:
        await run_in_threadpool(_take, site, *signed, body)
    except EventsRefused as refused:
        site.meters.events.labels("refused").inc()
        event("webhook.refused", WARNING, reason=str(refused))
        return PlainTextResponse(f"Refused: {refused}.\n", 403)
    return PlainTextResponse("taken\n")


def _take(site: Site, signature: str, timestamp: str, body: bytes) -> None:
    now = datetime.now(UTC)
    verify(site.public.webhook_key, signature, timestamp, body, now=now)
    parsed = parse_events(body, site.public.newsletter.list_id)
    counts = site.public.feedback.take(parsed.events, source="sendgrid", now=now)
    numbers = {
        "taken": counts.taken,
        "repeated": counts.repeated,
        "unknown_delivery": counts.unknown + parsed.foreign,
        "unknown_type": parsed.unknown,
        "malformed": parsed.malformed,
        "ignored": parsed.ignored.total(),
    }
    for outcome, number in numbers.items():
        site.meters.events.labels(outcome).inc(number)
    event("webhook.taken", **numbers)
