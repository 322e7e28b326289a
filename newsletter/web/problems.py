"""What the API says of an error: one JSON document for each (RFC 9457)."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from newsletter.errors import NewsletterError
from newsletter.logs import ERROR, event

MEDIA_TYPE: Final = "application/problem+json"
_MOST_FAULTS: Final = 20
_DETAILS: Final = {
    400: "The body is not JSON that can be read.",
    404: "There is nothing here.",
    405: "This address does not take this method.",
    408: "The body came too slowly.",
    413: "The body is too large.",
}
# What Pydantic says of a member -> what a person is told.
_FAULTS: Final = {
    "extra_forbidden": "there is no such member",
    "missing": "it is required",
    "json_invalid": "this is not JSON",
}


class Wrong(Exception):
    """A member of the body that cannot be; `place` are the keys that lead to it."""

    def __init__(self, place: tuple[str | int, ...], what: str) -> None:
        super().__init__(what)
        self.place = place
        self.what = what


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = MEDIA_TYPE


def problem(
    status: int,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """The answer for an error; each of `errors` has a detail and a JSON pointer (RFC 6901)."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        document["errors"] = errors
    return ProblemResponse(document, status, headers)


async def explain(_: Request, error: Exception) -> Response:
    """What the caller did wrong."""
    if not isinstance(error, HTTPException):  # the caller has gone
        return problem(400, _DETAILS[400])
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase or error.status_code in _DETAILS:
        detail = _DETAILS.get(error.status_code, detail)
    return problem(error.status_code, detail, headers=dict(error.headers or {}))


async def explain_members(_: Request, error: Exception) -> Response:
    """Which members of the body cannot be, each with its place."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it is registered
    faults = error.errors()
    if any(fault["loc"][:1] == ("path",) for fault in faults):
        return problem(404, "There is no such subscriber.")
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem(400, _DETAILS[400])
    return _members([(fault["loc"][1:], _words(fault)) for fault in faults[:_MOST_FAULTS]])


async def explain_wrong(_: Request, error: Exception) -> Response:
    """Which member cannot be, in the newsletter's own view."""
    assert isinstance(error, Wrong)  # noqa: S101 - as it is registered
    return _members([(error.place, error.what)])


async def apologise_for_now(_: Request, error: Exception) -> Response:
    """The database is away."""
    event("web.unavailable", ERROR, reason=str(error))
    detail = "The newsletter cannot be reached for the moment."
    return problem(503, detail, headers={"Retry-After": "30"})


async def apologise(_: Request, __: Exception) -> Response:
    """A fault of ours, which the server writes down."""
    return problem(500, "The fault is ours and is written down.")


HANDLERS: Final[
    dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]
] = {
    HTTPException: explain,
    ClientDisconnect: explain,
    RequestValidationError: explain_members,
    Wrong: explain_wrong,
    NewsletterError: apologise_for_now,
    Exception: apologise,
}


def _members(faults: list[tuple[tuple[str | int, ...], str]]) -> Response:
    errors = [{"detail": what, "pointer": _pointer(place)} for place, what in faults]
    return problem(422, "Some members of the body cannot be used.", errors=errors)


def _words(fault: dict[str, Any]) -> str:
    words = _FAULTS.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")
    return words[:1].lower() + words[1:]


def _pointer(place: tuple[str | int, ...]) -> str:
    """A JSON pointer in its form for a URI fragment."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in place)
    return "#" + "".join(f"/{step}" for step in steps)
