"""`newsletter subscribers import`: what is seen of it while it goes on, and told of it then."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final

import typer

from newsletter.cli.output import note, print_json, say, warn
from newsletter.cli.progress import progress
from newsletter.cli.signals import stop_on_signals
from newsletter.errors import NewsletterError
from newsletter.model.problem import Problem, Severity
from newsletter.model.subscriber import SubscriberRow

if TYPE_CHECKING:
    from newsletter.ledger.imports import ImportCounts
    from newsletter.sources.foreign_exports import ForeignExport
    from newsletter.sources.tag_map import TagMap
    from newsletter.subscriptions import Subscriptions

_LONG: Final = 2_000_000  # bytes from which a list takes long enough for a bar
_REPORTED: Final = 1000  # rows between two looks at it
_TAGS_SHOWN: Final = 50


@dataclass(slots=True)
class Importing:
    """One file being imported, or rehearsed."""

    file: Path
    tag_file: Path  # where the meaning of tags stands, or would
    is_rehearsal: bool
    is_quiet: bool  # nothing on standard output but the one document at the end
    problems: int = 0
    rows: int = 0
    export: "ForeignExport | None" = None
    stop: Event = field(default_factory=Event)

    def run(self, subscriptions: "Subscriptions") -> None:
        """Import the file and tell of it. Raises NewsletterError where rows were left out."""
        tags = subscriptions.tag_map(self.tag_file if self.tag_file.exists() else None)
        with stop_on_signals() as self.stop:
            counts = subscriptions.import_file(
                self.file,
                str(self.file),
                self._report,
                tag_map=tags,
                tell=self._tell,
                follow=self._follow,
                rehearse=self.is_rehearsal,
            )
        if self.is_quiet:
            print_json(self._document(counts, tags))
        elif self.rows or not self.problems:
            self._say_counts(counts)
            self._say_tags(tags)
        if self.stop.is_set():
            if not self.is_quiet and not self.is_rehearsal:
                note(f"That is what {self.rows:,} rows brought; import the file again to go on.")
            raise typer.Exit(130)
        if self.problems and not self.rows:
            raise NewsletterError("nothing was imported; mend what is listed and import again")
        if self.problems:
            rows = "1 row was" if self.problems == 1 else f"{self.problems:,} rows were"
            raise NewsletterError(f"{rows} not imported; mend what is listed and import again")

    def _report(self, problem: Problem) -> None:
        self.problems += problem.severity is Severity.ERROR
        warn(str(problem))

    def _tell(self, export: "ForeignExport") -> None:
        self.export = export
        if not self.is_quiet:
            say(f"This is an export of {export.program}.")

    def _follow(self, rows: Iterator[SubscriberRow]) -> Iterator[SubscriberRow]:
        wanted = takewhile(lambda _: not self.stop.is_set(), rows)
        total = _lines_of(self.file)
        if not total:
            for self.rows, row in enumerate(wanted, start=1):
                yield row
            return
        verb = "Read" if self.is_rehearsal else "Imported"
        with progress(verb, total) as report:
            for self.rows, row in enumerate(wanted, start=1):
                yield row
                if self.rows % _REPORTED == 0:
                    report(self.rows)

    def _say_counts(self, counts: "ImportCounts") -> None:
        would = " would be" if self.is_rehearsal else ""
        say(
            f"{counts.added:,}{would} added, {counts.changed:,} changed, "
            f"{counts.unchanged:,} unchanged."
        )
        if counts.suppressed:
            note(f"{counts.suppressed:,}{would} suppressed: bounced, complained or blocked there.")
        if counts.kept_out:
            note(f"{counts.kept_out:,} left as they are: unsubscribed, suppressed or erased.")
        if counts.added and self.export and self.export.advice:
            note(self.export.advice)
        if self.is_rehearsal:
            note("Nothing was changed: this was a dry run.")

    def _say_tags(self, tags: "TagMap") -> None:
        if not tags.unknown:
            return
        say("These tags are no topics here. To say which they mean, write their lines under")
        say(f"[tags] in {self.tag_file}, with topics between the brackets, and import again:")
        for tag, count in tags.unknown.most_common(_TAGS_SHOWN):
            people = "1 person" if count == 1 else f"{count:,} people"
            say(f"  {json.dumps(tag, ensure_ascii=False)} = []  # {people}")
        if (more := len(tags.unknown) - _TAGS_SHOWN) > 0:
            note(f"  and {more:,} more")

    def _document(self, counts: "ImportCounts", tags: "TagMap") -> dict[str, object]:
        return {
            "file": str(self.file),
            "format": self.export.program if self.export else "newsletter",
            "dry_run": self.is_rehearsal,
            "stopped": self.stop.is_set(),
            **asdict(counts),
            "bad": self.problems,
            "unknown_tags": [
                {"tag": tag, "rows": count} for tag, count in tags.unknown.most_common()
            ],
        }


def _lines_of(file: Path) -> int:
    """How many lines a long file has; 0 where it is short, or no file that can be read twice."""
    try:
        if not file.is_file() or file.stat().st_size < _LONG:
            return 0
        with file.open("rb") as content:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: content.read(1 << 20), b""))
    except OSError:
        return 0
