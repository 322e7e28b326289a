"""Advice on links that can be had without following them."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from newsletter.checks.proof import Proof, SourceFolder
from newsletter.markdown import parse
from newsletter.model.issue import Issue
from newsletter.model.problem import Place, Problem

_EMPTY_WORDS: Final = re.compile(
    r"(?:click |read )?here|click|(?:this )?link|this(?: article| page)?|website"
    r"|(?:read |learn |find out )?more|(?:cliquez |cliquer |voir )?ici|(?:ce )?lien|site web"
    r"|(?:lire la )?suite|(?:lire |en savoir )?plus|plus d.infos?|cet article|cette page"
)
_TRACKING: Final = re.compile(
    r"utm_\w+|fbclid|gclid|dclid|msclkid|twclid|mc_[ce]id|_hs\w+|mkt_tok|igshid|yclid|vero_id"
    r"|oly_(?:anon|enc)_id|s_cid|wickedid",
    re.IGNORECASE,
)
_SHORTENERS: Final = frozenset(
    {"bit.ly", "buff.ly", "cutt.ly", "goo.gl", "is.gd", "ow.ly", "rebrand.ly", "t.co", "t.ly"}
    | {"tiny.cc", "tinyurl.com", "lnkd.in"}
)
_INNER: Final = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".intranet", ".corp")
_LOOKS_LIKE_ADDRESS: Final = re.compile(r"(?:https?://)?(?:www\.)?[\w-]+(?:\.[\w-]+)+(?:/\S*)?")


class SentLink(NamedTuple):
    """A link that an author wrote, with its words and where."""

    href: str
    words: str
    place: Place


def sent_links(issue: Issue, folder: SourceFolder) -> Iterator[SentLink]:
    """Every link of the issue's own text, in the reader's order, then those of notices and DOIs."""
    for passage in issue.passages():
        for link in parse(passage).links:
            yield SentLink(link.href, link.text, Place(passage.path, link.line))
    for number, notice in enumerate(issue.notices):
        if notice.url:
            place = folder.issue("notices", number, "url")
            yield SentLink(notice.url, notice.title, place)
    for article in issue.articles:
        if article.doi:
            href = f"https://doi.org/{quote(article.doi)}"
            yield SentLink(href, f"doi.org/{article.doi}", folder.article(article, "doi"))


def check_links(proof: Proof) -> Iterator[Problem]:
    """Links that are hard to tell apart, that follow the reader, or that lead where few can go."""
    targets: dict[tuple[str, str], SentLink] = {}  # by file and words
    for link in sent_links(proof.issue, proof.folder):
        parts = urlsplit(link.href)
        words = link.words.strip(" .:…→»").casefold()
        yield from _check_words(link, words, parts)
        if parts.scheme != "mailto":
            yield from _check_address(link, parts)
        first = targets.setdefault((link.place.path, words), link)
        if words and first.href != link.href and not _EMPTY_WORDS.fullmatch(words):
            message = f"'{link.words}' leads elsewhere on line {first.place.line}"
            yield link.place.warning(message, "let different places have different words")


def _check_words(link: SentLink, words: str, parts: SplitResult) -> Iterator[Problem]:
    if _EMPTY_WORDS.fullmatch(words):
        message = f"the link's words '{link.words}' say nothing when they are read alone"
        yield link.place.warning(message, "let the words name what the reader will find")
    elif parts.scheme != "mailto" and _LOOKS_LIKE_ADDRESS.fullmatch(link.words):
        shown = link.words if "://" in link.words else f"https://{link.words}"
        try:
            host = urlsplit(shown).hostname or ""
        except ValueError:
            return
        if host and _bare(host) != _bare(parts.hostname or "") and _has_known_end(host):
            message = f"the link shows {host} but leads to {parts.hostname}"
            remedy = "make them agree, or mail programs will warn of a fraud"
            yield link.place.warning(message, remedy)


def _check_address(link: SentLink, parts: SplitResult) -> Iterator[Problem]:
    host = (parts.hostname or "").rstrip(".")
    if parts.username is not None:
        message = f"the link to {host} holds a name or password"
        yield link.place.warning(message, "take out what stands before the @")
    if host in {"http", "https"}:
        yield link.place.warning("the address begins twice", "write https:// once")
    elif is_inner(host):
        message = f"the link to {host} leads where only you can go"
        yield link.place.warning(message, "give an address on the public web")
    elif parts.scheme == "http":
        message = f"the link to {host} is not encrypted"
        yield link.place.warning(message, "write https:// if the site has it")
    if host in _SHORTENERS:
        message = f"a short address ({host}) hides where it leads, and filters distrust it"
        yield link.place.warning(message, "give the full address")
    if followed := [name for name, _ in parse_qsl(parts.query) if _TRACKING.fullmatch(name)]:
        message = f"the link follows the reader ({', '.join(followed)})"
        yield link.place.warning(message, f"write {_unfollowed(parts)}")


def is_inner(host: str) -> bool:
    """Whether a host's name or literal address belongs to one machine or a closed network."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_INNER)


def _unfollowed(parts: SplitResult) -> str:
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _TRACKING.fullmatch(name)
    ]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _bare(host: str) -> str:
    return host.casefold().removeprefix("www.")


def _has_known_end(host: str) -> bool:
    """Whether the last part looks like a domain's end, not like a file's or an abbreviation's."""
    return host.rpartition(".")[2].isalpha() and len(host.rpartition(".")[2]) >= 2
