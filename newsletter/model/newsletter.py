"""Who publishes the newsletter, as every email and page states it."""

from dataclasses import dataclass
from urllib.parse import quote

from newsletter.model.message import Address


@dataclass(frozen=True, slots=True)
class Newsletter:
    """The sender's identity. `base_url` has no trailing slash; `language` is a BCP 47 tag."""

    name: str
    list_id: str
    sender: Address
    reply_to: Address
    organisation: str
    postal_address: str
    contact: str
    base_url: str
    language: str

    def issue_url(self, month: str) -> str:
        """The issue's page in the archive."""
        return f"{self.base_url}/{month}/"

    def article_url(self, month: str, article_id: str) -> str:
        """The article's page in the archive."""
        return f"{self.base_url}/{month}/{article_id}/"

    def variant_url(self, month: str, variant_id: str) -> str:
        """The archive's copy of one variant, as it was sent."""
        return f"{self.base_url}/{month}/sent/{variant_id}.html"

    def image_url(self, month: str, name: str) -> str:
        """The archive's copy of an issue's picture."""
        return f"{self.base_url}/{month}/{quote(name)}"

    @property
    def subscribe_url(self) -> str:
        """The public sign-up page."""
        return f"{self.base_url}/subscribe"
