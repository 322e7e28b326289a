"""The preview's addresses and what answers at each."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from newsletter.checks.size import GMAIL_CLIPS_AT
from newsletter.errors import NewsletterError
from newsletter.logs import ERROR, event
from newsletter.model.problem import Problem
from newsletter.preview.audience import Audiences
from newsletter.preview.changes import Changes
from newsletter.preview.chromium import find_chromium
from newsletter.preview.drafts import Draft, Drafts
from newsletter.preview.email import Email
from newsletter.preview.emulation import emulate, emulate_css
from newsletter.preview.guard import FRAMED, FormToken, Guard
from newsletter.preview.page import Page
from newsletter.preview.pictures import photograph, picture_of
from newsletter.preview.reader import choose_reader
from newsletter.preview.shortcuts import SHORTCUTS
from newsletter.preview.site import Site
from newsletter.preview.view import Device, Mode, Show, Switch, View
from newsletter.settings import Config
from newsletter.starter import templates_folder
from newsletter.templates import Templates
from newsletter.wiring import open_pipeline, opened_pipeline

_HERE: Final = Path(__file__).parent
_MOST_BYTES: Final = 20_000  # of a form


class Preview:
    """Answers for one newsletter; `port` is where it listens, `month` the issue `/` opens on."""

    def __init__(self, load: Callable[[], Config], port: int, month: str = "") -> None:
        self._drafts = Drafts(load)
        self._changes = Changes()
        self._audiences = Audiences(
            lambda: opened_pipeline(self._drafts.config), self._changes.announce
        )
        self._site = Site(self._drafts)
        self._token = FormToken()
        self._home = f"http://127.0.0.1:{port}"
        # A browser leaves out the port of http itself.
        names = ("127.0.0.1", "localhost")
        self._hosts = names if port == 80 else tuple(f"{name}:{port}" for name in names)
        self._month = month
        # The chrome is ours: a newsletter's own templates may be broken while they are edited.
        self._templates = Templates([_HERE / "pages", templates_folder()])

    def app(self) -> Starlette:
        """The preview as an ASGI application."""
        return Starlette(
            routes=[
                Route("/", self._show),
                Route("/email", self._frame),
                Route("/archive/{mode}/{month}/{path:path}", self._archive),
                Route("/pictures/{month}/{name:path}", self._picture),
                Route("/changes", self._stream),
                Route("/preview.{kind:str}", self._style_or_script),
                Route("/test", self._send_test, methods=["POST"]),
                Route("/links", self._visit_links, methods=["POST"]),
                Route("/photographs", self._photograph, methods=["POST"]),
            ],
            middleware=[Middleware(Guard, hosts=self._hosts)],
            exception_handlers={
                404: _say("There is nothing here. The preview begins at /", 404),
                NewsletterError: _say_error,
                Exception: _apologise,
            },
            lifespan=self._living,
        )

    def close(self) -> None:
        """End what keeps the server from stopping."""
        self._changes.close()

    @asynccontextmanager
    async def _living(self, _app: Starlette) -> AsyncIterator[None]:
        folder = self._drafts.config.path.absolute().parent
        watching = asyncio.create_task(
            self._changes.watch(folder, lambda: self._drafts.watched, self._forget)
        )
        yield
        watching.cancel()

    def _forget(self, paths: set[Path]) -> None:
        self._drafts.forget(paths)
        if self._drafts.config.path.absolute() in paths:
            self._audiences.forget()

    def _draft(self, month: str) -> Draft | None:
        """The draft of a month, or of the one that `/` opens on; nothing where there is none."""
        months = self._drafts.months()
        wanted = month or self._month or next(iter(months), "")
        return self._drafts.draft(wanted) if wanted in months else None

    def _show(self, request: Request) -> Response:
        return self._page(View.from_query(request.url.query))

    def _page(
        self,
        view: View,
        told: str = "",
        *,
        is_good: bool = True,
        visited: Sequence[Problem] | None = None,
    ) -> Response:
        revision = self._changes.revision  # before anything is read
        draft = self._draft(view.issue)
        missing = view.issue or self._month if draft is None else ""
        page = Page(view, self._drafts, self._audiences, draft)
        values: dict[str, Any] = {
            "page": page,
            "view": view,
            "Show": Show,
            "Device": Device,
            "Mode": Mode,
            "Switch": Switch,
            "newsletter": self._drafts.config.newsletter,
            "transport": self._drafts.config.transport.use,
            "missing": missing,
            "revision": revision,
            "token": self._token.value,
            "told": told,
            "is_good": is_good,
            "visited": None if visited is None else [page.passage([p]) for p in visited],
            "clips_at": GMAIL_CLIPS_AT,
            "chromium": find_chromium(),
            "shortcuts": SHORTCUTS,
        }
        html = self._templates.render("page.html", "en", values)
        return HTMLResponse(html, 404 if missing else 200 if is_good else 400)

    def _frame(self, request: Request) -> Response:
        view = View.from_query(request.url.query)
        email = self._email(view)
        if email is None:
            return _say_framed("Nothing to show", 404)
        return _framed(email.framed(view.mode, view.images))

    def _email(self, view: View) -> Email | None:
        draft = self._draft(view.issue)
        if draft is None or draft.rendering is None:
            return None
        rendering = draft.rendering
        reader = choose_reader(view, rendering.desk, rendering.issue, {}, self._audiences.find)
        return Email(rendering, reader, reader.variant) if reader.variant else None

    def _archive(self, request: Request) -> Response:
        mode, path = request.path_params["mode"], request.path_params["path"]
        draft = self._draft(request.path_params["month"])
        if draft is None or draft.rendering is None or mode not in set(Mode):
            return _say_framed("Nothing to show", 404)
        content = self._site.file(draft.rendering, path)
        if content is None:
            return _say_framed("The archive has no such page", 404)
        if path.endswith(".html"):
            return _framed(emulate(content.decode(), Mode(mode)))
        if path.endswith(".css"):
            css = emulate_css(content.decode(), Mode(mode))
            return Response(css, media_type="text/css")
        found = picture_of(draft.rendering, path.partition("/")[2])
        return Response(content, media_type=found[1] if found else "application/octet-stream")

    def _picture(self, request: Request) -> Response:
        draft = self._draft(request.path_params["month"])
        found = (
            picture_of(draft.rendering, request.path_params["name"])
            if draft and draft.rendering
            else None
        )
        if found is None:
            return PlainTextResponse("The issue has no such picture.", 404)
        return Response(found[0], media_type=found[1])

    async def _stream(self, _request: Request) -> Response:
        return StreamingResponse(self._changes.stream(), media_type="text/event-stream")

    def _style_or_script(self, request: Request) -> Response:
        match request.path_params["kind"]:
            case "css":
                css = self._templates.render("preview.css", "en", {})
                return Response(css, media_type="text/css")
            case "js":
                script = (_HERE / "pages" / "preview.js").read_text("utf-8")
                return Response(script, media_type="text/javascript")
            case "svg":
                icon = (_HERE / "pages" / "preview.svg").read_text("utf-8")
                return Response(icon, media_type="image/svg+xml")
        return PlainTextResponse("There is nothing here.", 404)

    async def _send_test(self, request: Request) -> Response:
        form = await self._form(request)
        if form is None:
            return _refused()
        return await run_in_threadpool(self._tested, *form)

    def _tested(self, view: View, form: dict[str, str]) -> Response:
        address = form.get("email", "").strip()
        page = Page(view, self._drafts, self._audiences, self._draft(view.issue))
        if page.draft is None or page.email is None or not page.reader.can_be_tested:
            return self._page(view, "There is no email here to test.", is_good=False)
        reader, config = page.reader, self._drafts.config
        try:
            pipeline = open_pipeline(config)
            variant = pipeline.send_test(page.draft.month, address, reader.topics, reader.language)
        except NewsletterError as error:
            return self._page(view, "; ".join(error.lines), is_good=False)
        return self._page(
            view, f"Sent a test of {variant.id} to {address} through {config.transport.use}."
        )

    async def _visit_links(self, request: Request) -> Response:
        form = await self._form(request)
        if form is None:
            return _refused()
        return await run_in_threadpool(self._visited, form[0])

    def _visited(self, view: View) -> Response:
        draft = self._draft(view.issue)
        if draft is None or draft.rendering is None:
            return self._page(view, "There are no links to visit.", is_good=False)
        rendering = draft.rendering
        return self._page(view, visited=rendering.desk.check_links(rendering.issue))

    async def _photograph(self, request: Request) -> Response:
        form = await self._form(request)
        if form is None:
            return _refused()
        return await run_in_threadpool(self._photographed, form[0])

    def _photographed(self, view: View) -> Response:
        page = Page(view, self._drafts, self._audiences, self._draft(view.issue))
        chromium = find_chromium()
        if page.draft is None or not page.variants or not chromium:
            return self._page(view, "There is nothing to take pictures of.", is_good=False)
        view = view.but(issue=page.draft.month)
        try:
            packed = photograph(chromium, self._home, view, [row.id for row in page.variants])
        except NewsletterError as error:
            return self._page(view, "; ".join(error.lines), is_good=False)
        name = f"{view.issue}-{view.device}-{view.mode}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(packed, media_type="application/zip", headers=headers)

    async def _form(self, request: Request) -> tuple[View, dict[str, str]] | None:
        """A form of one of our pages and the view it stands in; nothing for any other."""
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_BYTES:
                return None
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=50)
        form = {name: texts[-1] for name, texts in fields.items()}
        if not self._token.matches(form.get("token", "")):
            return None
        return View.from_query(form.get("view", "")), form


def _framed(html: str) -> Response:
    return HTMLResponse(html, headers={"Content-Security-Policy": FRAMED})


def _say_framed(words: str, status: int) -> Response:
    page = f'<!DOCTYPE html><html lang="en"><title>{words}</title><p>{words}.</p></html>'
    return HTMLResponse(page, status, headers={"Content-Security-Policy": FRAMED})


def _refused() -> Response:
    return PlainTextResponse("This form is not of the running preview; load the page anew.", 403)


def _say(words: str, status: int) -> Callable[[Request, Exception], Response]:
    return lambda _request, _error: PlainTextResponse(words, status)


def _apologise(request: Request, error: Exception) -> Response:
    event("preview.failed", ERROR, error=type(error).__name__, path=request.url.path)
    words = "A fault in the preview, not in your newsletter; NEWSLETTER_DEBUG=1 shows it."
    return PlainTextResponse(words, 500)


def _say_error(_request: Request, error: Exception) -> Response:
    lines = error.lines if isinstance(error, NewsletterError) else ()
    return PlainTextResponse("\n".join(lines), 500)
