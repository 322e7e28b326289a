"""The newsletter that tests speak of where they open none of a folder."""

from typing import Final

from newsletter.model.message import Address
from newsletter.model.newsletter import Newsletter

NEWSLETTER: Final = Newsletter(
    name="Research Digest",
    list_id="digest.news.example",
    sender=Address("digest@news.example", "Research Digest"),
    reply_to=Address("editor@news.example"),
    organisation="The Institute",
    postal_address="1 Main Street, Ottawa",
    contact="editor@news.example",
    base_url="https://news.example",
    language="en",
)
