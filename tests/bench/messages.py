"""One recipient's message, against copying its bytes and against the email package."""

from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from html import escape

from newsletter.model.message import Personalisation
from newsletter.model.variant import MergeField
from newsletter.personalise.mime import VariantEncoder
from tests.bench import world
from tests.bench.harness import Measure, duration, interleaved, seconds

_POLICY = policy.SMTP.clone(max_line_length=998)


def measures() -> Iterator[Measure]:
    rendered, newsletter = world.rendered(), world.desk().newsletter
    encode = VariantEncoder(newsletter, rendered).dated(world.NOW)
    reader = world.reader(1)
    message = b"".join(encode(reader))
    template = {"plain": _open(rendered.text.pieces), "html": _open(rendered.html.pieces)}

    def with_the_email_package() -> bytes:
        return _compose(template, reader, rendered.subject)

    size = f"{len(message) / 1000:.0f} KB"
    ours, copy = interleaved(
        lambda: b"".join(encode(reader)), lambda: bytearray(message), runs=400, repeat=20
    )
    yield Measure("one message / copying its bytes", ours / copy, 10, f"{duration(ours)}, {size}")
    theirs = min(seconds(with_the_email_package) for _ in range(60))
    yield Measure(
        "substitution + email package / one message",
        theirs / ours,
        300,
        duration(theirs),
        at_least=True,
    )


def _open(pieces: tuple[str | MergeField, ...]) -> str:
    return "".join(f"%({p.value})s" if isinstance(p, MergeField) else p for p in pieces)


def _compose(template: dict[str, str], reader: Personalisation, subject: str) -> bytes:
    values = {
        "greeting": reader.greeting,
        "unsubscribe_url": reader.unsubscribe_url,
        "preferences_url": reader.preferences_url,
    }
    message = EmailMessage(policy=_POLICY)
    message["To"] = f"{reader.recipient.name} <{reader.recipient.email}>"
    message["Subject"] = subject
    message["List-Unsubscribe"] = f"<{reader.unsubscribe_url}>"
    parts = dict(template)
    for name, value in values.items():
        parts["plain"] = parts["plain"].replace(f"%({name})s", value)
        parts["html"] = parts["html"].replace(f"%({name})s", escape(value))
    message.set_content(parts["plain"], cte="quoted-printable")
    message.add_alternative(parts["html"], subtype="html", cte="quoted-printable")
    return message.as_bytes()
