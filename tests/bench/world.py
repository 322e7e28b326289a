"""The November issue and made-up readers, as the benches need them."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from newsletter.assemble import whole_issue
from newsletter.config import load_config
from newsletter.desk import Compiled, Desk
from newsletter.model.issue import Issue
from newsletter.model.message import Address, Personalisation
from newsletter.model.variant import RenderedVariant
from newsletter.personalise.links import Links, LinkTokens
from newsletter.wiring import open_desk

ROOT = Path(__file__).parents[2]
MONTH = "2022-11"
NOW = datetime(2022, 11, 1, 13, tzinfo=UTC)


@cache
def desk() -> Desk:
    return open_desk(load_config(ROOT / "config.example.toml", {}))


@cache
def issue() -> Issue:
    return desk().read(MONTH)


@cache
def compiled() -> Compiled:
    return desk().compile(issue())


@cache
def rendered() -> RenderedVariant:
    """The whole issue, whose message is some 60 KB."""
    return desk().render(compiled(), whole_issue(issue(), "en"))


@cache
def links() -> Links:
    return Links(desk().newsletter.base_url, LinkTokens(["a key for the benches"]))


def reader(number: int) -> Personalisation:
    subscriber = f"{number:032x}"
    return Personalisation(
        delivery_id=f"00000000-0000-5000-8000-{number:012x}",
        recipient=Address(f"reader{number}@list.example", f"Reader Number {number}"),
        greeting=f"Dear Reader Number {number},",
        unsubscribe_url=links().unsubscribe_url(subscriber),
        preferences_url=links().preferences_url(subscriber),
    )
