"""`newsletter archive import`: what is seen of it while it goes on, and told of it then."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import typer

from newsletter.backfile.items import LeftOut
from newsletter.cli.output import note, print_entries, say, warn
from newsletter.cli.progress import progress
from newsletter.cli.signals import stop_on_signals
from newsletter.errors import NewsletterError
from newsletter.model.issue import IssueStatus

if TYPE_CHECKING:
    from newsletter.backfile.importing import MonthReport, PastImport, TakenArticle, Wishes

_LONG: Final = 12  # months from which it takes long enough for a bar


def import_and_tell(source: "PastImport", wishes: "Wishes") -> None:
    """Import the source and tell of every item. Raises NewsletterError where one was not taken."""
    say(f"This is {source.archive.kind}.")
    for words in source.archive.notes:
        note(words)
    with stop_on_signals() as stop:
        months = []
        for month in _followed(source, wishes):
            months.append(month)
            if stop.is_set():
                break
    _say_taken(months, wishes)
    left_out = [*source.archive.left_out, *(left for month in months for left in month.left_out)]
    _say_left_out(left_out)
    _say_old(months)
    _say_result(months, wishes)
    if stop.is_set():
        note("Stopped. What is told of above is done; import the same again to go on.")
        raise typer.Exit(130)
    if amiss := sum(left.is_amiss for left in left_out):
        what = "1 item was" if amiss == 1 else f"{amiss:,} items were"
        raise NewsletterError(f"{what} not taken; the reasons stand above")


def _followed(source: "PastImport", wishes: "Wishes") -> "Iterator[MonthReport]":
    if len(source) < _LONG:
        yield from source.run(wishes)
        return
    with progress("Read" if wishes.is_rehearsal else "Imported", len(source)) as report:
        for done, month in enumerate(source.run(wishes), start=1):
            report(done)
            yield month


def _say_taken(months: "Sequence[MonthReport]", wishes: "Wishes") -> None:
    """A line for each article; on a terminal it is broken between its title and what was told."""
    rows = [(month.month, *_told(taken, wishes)) for month in months for taken in month.taken]
    if rows:
        say("")
        print_entries(rows)
    notes = [
        f"{month.month}/{taken.stem}: {words}"
        for month in months
        for taken in month.taken
        for words in taken.article.notes
    ]
    if notes:
        say("")
    for words in notes:
        note(words)


def _told(taken: "TakenArticle", wishes: "Wishes") -> tuple[str, str]:
    """An article's title, and what could be told of it."""
    article, proposal = taken.article, taken.proposal
    parts = [_number(len(article.words.split()), "word")]
    parts += ["cited"] if article.citation else ["no citation"]
    parts += [f"doi {article.doi}"] if article.doi else []
    verb = "topics" if wishes.accept_proposals else "topics proposed"
    topics = f"{verb}: {', '.join(proposal.topics) or 'none'}"
    kind = f"type: {proposal.research_type or 'not told'}"
    return article.title, f"{', '.join(parts)}; {topics}; {kind}"


def _say_left_out(left_out: Sequence[LeftOut]) -> None:
    if left_out:
        say("")
    for left in left_out:
        title = f" '{left.title}'" if left.title else ""
        line = f"Left out: {left.where}{title}: {left.why}"
        warn(line) if left.is_amiss else note(line)


def _say_old(months: "Sequence[MonthReport]") -> None:
    old = [month.month for month in months if month.is_old]
    if old:
        say("")
        say(f"There already, and left alone: {', '.join(_spans(old))}.")
    for month in months:
        for title in month.unknown:
            note(f"{month.month} has no article '{title}'; the source has one.")


def _spans(months: Sequence[str]) -> list[str]:
    """The months in order, those that follow each other as one span."""
    numbers = [int(month[:4]) * 12 + int(month[5:]) for month in months]
    starts = [at for at, number in enumerate(numbers) if at == 0 or number > numbers[at - 1] + 1]
    ends = [start - 1 for start in starts[1:]] + [len(months) - 1]
    return [
        months[start] if start == end else f"{months[start]} to {months[end]}"
        for start, end in zip(starts, ends, strict=True)
    ]


def _say_result(months: "Sequence[MonthReport]", wishes: "Wishes") -> None:
    taken = [month for month in months if month.taken]
    if not taken:
        say("Nothing new was found in it.")
        return
    articles = sum(len(month.taken) for month in taken)
    drafts = [month.month for month in taken if month.status is IssueStatus.DRAFT]
    past = len(taken) - len(drafts)
    would = " would be" if wishes.is_rehearsal else ""
    say("")
    say(
        f"{_number(articles, 'article')} in {_number(len(taken), 'month')}{would}: "
        f"{past:,} past, {_number(len(drafts), 'draft')}."
    )
    if any(not month.has_own_subject for month in taken):
        note("Subjects and preheaders are made from the titles, as the source has none.")
    if wishes.is_rehearsal:
        note("Nothing was written: this was a dry run.")
        return
    if drafts:
        note(f"newsletter check {drafts[0]}   lists what a draft still lacks;")
        note('then set its status to "past", and it is in the archive')
    if past:
        note("newsletter archive build   puts the past ones on the site")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
