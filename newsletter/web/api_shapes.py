"""The documents of the API, as they come and go. A member that is not named here is refused."""

from datetime import datetime
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from newsletter.addresses import parse_address
from newsletter.locales import LANGUAGES
from newsletter.model.delivery import DeliveryStatus
from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason
from newsletter.values import parse_timezone
from newsletter.web.forms import LONGEST_NAME, clean


def _address(text: str) -> str:
    return parse_address(text).email


def _network_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("write an IPv4 or IPv6 address") from None


def _language(tag: str) -> str:
    if tag not in LANGUAGES:
        raise ValueError(f"write one of {', '.join(LANGUAGES)}")
    return tag


def _timezone(name: str) -> str:
    return parse_timezone(name).key if name else ""


def _said(text: str) -> str:
    if not (said := clean(text)):
        raise ValueError("it is empty")
    return said


Email = Annotated[
    str,
    Field(
        max_length=320,
        examples=["ana@clinic.example"],
        json_schema_extra={"format": "email"},
    ),
    AfterValidator(_address),
]
Name = Annotated[
    str,
    Field(max_length=LONGEST_NAME, description="One line, plain text.", examples=["Ana Roy"]),
    AfterValidator(clean),
]
Topics = Annotated[
    list[Annotated[str, Field(max_length=100)]],
    Field(
        max_length=200,
        description="Slugs as `GET /api/v1/topics` lists them; none: every topic.",
        examples=[["alliance", "cbt"]],
    ),
]
Language = Annotated[
    str, Field(json_schema_extra={"enum": list(LANGUAGES)}), AfterValidator(_language)
]

Timezone = Annotated[
    str,
    Field(
        max_length=100,
        description="An IANA name; empty: the newsletter's own.",
        examples=["America/Vancouver"],
    ),
    AfterValidator(_timezone),
]


class _Given(BaseModel):
    """What a caller sends."""

    model_config = ConfigDict(extra="forbid", strict=True)


class GivenConsent(_Given):
    """What the person saw and agreed to on your site. It is kept as proof, so state it truly."""

    words: Annotated[
        str,
        Field(min_length=1, max_length=2000, description="The words beside the button or box."),
        AfterValidator(_said),
    ]
    source: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="Where they agreed.",
            examples=["https://www.rideau-network.example/newsletter"],
        ),
        AfterValidator(_said),
    ]
    client: Annotated[
        str,
        Field(
            max_length=45,
            description=(
                "The network address the person came from. It counts against their own limit; "
                "only a keyed digest is stored."
            ),
            examples=["203.0.113.7"],
            json_schema_extra={
                "anyOf": [{"type": "string", "format": kind} for kind in ("ipv4", "ipv6")]
            },
        ),
        AfterValidator(_network_address),
    ]


class SignUpRequest(_Given):
    """Somebody who filled in your form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "email": "ana@clinic.example",
                    "name": "Ana Roy",
                    "topics": ["alliance", "cbt"],
                    "consent": {
                        "words": "Yes, send me the digest once a month.",
                        "source": "https://www.clinic.example/news",
                        "client": "203.0.113.7",
                    },
                }
            ]
        }
    )

    email: Email
    name: Name = ""
    topics: Topics = []
    language: Language | None = Field(None, description="Null: the newsletter's own.")
    consent: GivenConsent


class Asked(BaseModel):
    """The answer to every sign-up, whoever the address is."""

    detail: str


class Search(_Given):
    """Whom to look for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ana@clinic.example"}]})

    email: Email


class Change(_Given):
    """What to change; what is not named stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"topics": ["alliance"], "paused_until": None}]}
    )

    name: Name = ""
    topics: Topics = []
    language: Language = "en"
    timezone: Timezone = ""
    paused_until: Annotated[
        str | None,
        Field(
            max_length=7,
            description="The month of the first issue they want again, one of the next six; "
            "null ends a pause.",
            examples=["2027-02"],
        ),
    ] = None
    status: Literal["unsubscribed"] = Field(
        "unsubscribed",
        description="Lets the person go. Only they themselves can come back, by signing up.",
    )


class Topic(BaseModel):
    """A topic that readers can choose; `group` is a heading, or empty."""

    slug: str
    label: str
    group: str


class TopicList(BaseModel):
    """Every topic, in the order of the sign-up form."""

    topics: list[Topic]


class ShownSuppression(BaseModel):
    """Why the address is not mailed."""

    reason: SuppressionReason
    source: str
    at: datetime


class ShownConsent(BaseModel):
    """A consent on record; `client` is a keyed digest, `version` one of the words."""

    at: datetime | None
    source: str
    how: str
    recorded_at: datetime | None
    words: str
    version: str
    client: str


class ShownDelivery(BaseModel):
    """What became of one issue; `at` is when the status last moved."""

    month: str
    status: DeliveryStatus
    reason: str
    at: datetime


class LiftedSuppression(BaseModel):
    """A suppression that somebody took away."""

    suppression: ShownSuppression
    by: str
    because: str
    at: datetime


class Departure(BaseModel):
    """When and through what a person left."""

    at: datetime
    through: str


class ShownSubscriber(BaseModel):
    """All that is stored of a person. No topics: every topic; no language: the newsletter's."""

    id: str
    email: str
    name: str
    topics: list[str]
    language: str
    timezone: str
    status: SubscriptionStatus
    paused_until: str | None
    departure: Departure | None
    suppression: ShownSuppression | None
    lifted_suppressions: list[LiftedSuppression]
    consents: list[ShownConsent]
    deliveries: list[ShownDelivery]


class Fault(BaseModel):
    """One member that cannot be, by its JSON pointer (RFC 6901)."""

    detail: str
    pointer: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []
