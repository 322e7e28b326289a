from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from newsletter.model.message import Address, Personalisation
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, OpenText, RenderedVariant, Variant
from newsletter.personalise.mime import VariantEncoder
from tests.fakes.newsletters import NEWSLETTER


@pytest.fixture(scope="session")
def newsletter() -> Newsletter:
    return NEWSLETTER


@pytest.fixture(scope="session")
def rendered() -> RenderedVariant:
    return RenderedVariant(
        variant=Variant("en-all", "2022-11", "en", ("01-alliance",), ()),
        subject="The alliance, measured",
        html=OpenText(
            ("<p>", MergeField.GREETING, '</p><a href="', MergeField.UNSUBSCRIBE_URL, '">Leave</a>')
        ),
        text=OpenText((MergeField.GREETING, "\n\nLeave: ", MergeField.UNSUBSCRIBE_URL, "\n")),
    )


@pytest.fixture(scope="session")
def personalisation() -> Personalisation:
    return Personalisation(
        delivery_id="7d444840-9dc0-51d1-b245-5ffdce74fad2",
        recipient=Address("anna@reader.example", "Anna Bell"),
        greeting="Hello Anna,",
        unsubscribe_url=f"https://news.example/unsubscribe/{'u' * 66}",
        preferences_url=f"https://news.example/preferences/{'p' * 66}",
    )


@pytest.fixture(scope="session")
def sent_at() -> datetime:
    return datetime(2022, 11, 15, 14, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def encode(
    newsletter: Newsletter, sent_at: datetime
) -> Callable[[RenderedVariant, Personalisation], bytes]:
    def write(rendered: RenderedVariant, personalisation: Personalisation) -> bytes:
        pieces = VariantEncoder(newsletter, rendered).dated(sent_at)(personalisation)
        assert all(piece.endswith(b"\r\n") for piece in pieces if piece), "not of whole lines"
        return b"".join(pieces)

    return write
