"""Whether links lead anywhere: asked over the network, and only when somebody asks for it."""

from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Final
from urllib.parse import urldefrag, urlsplit

from newsletter.checks.links import SentLink
from newsletter.checks.visits import Forbidden, Ip, Visit, VisitError, Visitor, is_public
from newsletter.model.problem import Problem

_AT_ONCE: Final = 8
_GONE: Final = frozenset({404, 410})
# What a server may answer to a program alone; 999 is LinkedIn's.
_UNTELLING: Final = frozenset({401, 403, 405, 406, 418, 429, 451, 999})

_Answer = Visit | VisitError


def check_reach(
    links: Iterable[SentLink],
    *,
    is_allowed: Callable[[Ip], bool] = is_public,
    seconds: float = 30,
) -> list[Problem]:
    """What the web says of the links, each address visited once, within about `seconds` in all.

    An error is a page that is gone; notes tell where redirects lead. Addresses of a closed network
    are never asked, unless `is_allowed` says so of them.
    """
    wanted = [link for link in links if urlsplit(link.href).scheme in {"http", "https"}]
    addresses = dict.fromkeys(urldefrag(link.href).url for link in wanted)
    answers = _visit_all(list(addresses), Visitor(is_allowed), seconds)
    nothing = VisitError(f"has not answered within {seconds:g} seconds")
    return sorted(
        {
            problem
            for link in wanted
            for problem in _judge(link, answers.get(urldefrag(link.href).url, nothing))
        }
    )


def _visit_all(urls: list[str], visitor: Visitor, seconds: float) -> dict[str, _Answer]:
    waiting: SimpleQueue[str] = SimpleQueue()
    done: SimpleQueue[tuple[str, _Answer]] = SimpleQueue()
    for url in urls:
        waiting.put(url)

    def work() -> None:
        while True:
            try:
                url = waiting.get_nowait()
            except Empty:
                return
            try:
                done.put((url, visitor.visit(url)))
            except VisitError as error:
                done.put((url, error))

    # Daemons: a resolver that hangs, which nothing can end, must not keep the program alive.
    for _ in range(min(_AT_ONCE, len(urls))):
        Thread(target=work, name="link check", daemon=True).start()
    answers: dict[str, _Answer] = {}
    end = monotonic() + seconds
    while len(answers) < len(urls):
        try:
            url, answer = done.get(timeout=max(0, end - monotonic()))
        except Empty:
            break
        answers[url] = answer
    visitor.close()
    return answers


def _judge(link: SentLink, answer: _Answer) -> Iterator[Problem]:
    place, host = link.place, urlsplit(link.href).hostname
    if isinstance(answer, Forbidden):
        yield place.warning(
            f"{host} {answer}; it was not asked", "give an address on the public web"
        )
    elif isinstance(answer, VisitError):
        yield place.warning(f"{host} {answer}", f"see whether {link.href} opens for you")
    elif answer.status in _GONE:
        message = f"the page {link.href} is not there ({answer.status})"
        yield place.error(message, "find its new address")
    elif answer.status in _UNTELLING:
        message = f"{host} does not tell programs whether {link.href} is there ({answer.status})"
        yield place.note(message, "open it yourself")
    elif answer.status >= 400:
        message = f"the page {link.href} is out of order ({answer.status})"
        yield place.warning(message, "try again later")
    else:
        yield from _judge_redirects(link, answer)


def _judge_redirects(link: SentLink, answer: Visit) -> Iterator[Problem]:
    if not answer.redirects:
        return
    if link.href.startswith("https:") and answer.url.startswith("http:"):
        message = f"{link.href} leads on to an address that is not encrypted, {answer.url}"
        yield link.place.warning(message, "link to an encrypted page")
    elif answer.is_moved:
        yield link.place.note(f"{link.href} has moved for good", f"write {answer.url}")
    else:
        yield link.place.note(f"{link.href} leads on to {answer.url}")
