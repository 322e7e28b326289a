"""What comes back to an envelope's sender, in the shapes that mail servers give it."""

from datetime import datetime
from email.utils import format_datetime

from .world import LIST_ID, NOW

DELIVERY = "7d444840-9dc0-51d1-b245-000000000001"
READER = "reader0@clinic.example"
VERP = "bounce+{token}@news.example"


def message_id(delivery: str) -> str:
    return f"<{delivery}@{LIST_ID}>"


def original(delivery: str, reader: str = READER) -> str:
    """The headers of one of our own messages."""
    return (
        "From: Research Digest <digest@news.example>\n"
        f"To: Anna Bell <{reader}>\n"
        "Subject: The alliance, measured\n"
        "Date: Tue, 15 Nov 2022 14:00:00 +0000\n"
        f"Message-ID: {message_id(delivery)}\n"
        f"List-Id: Research Digest <{LIST_ID}>\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
    )


def report(
    *,
    sender: str = "MAILER-DAEMON@mx.clinic.example (Mail Delivery System)",
    to: str = "digest@news.example",
    subject: str = "Undelivered Mail Returned to Sender",
    headers: str = "",
    at: datetime = NOW,
    kind: str = "delivery-status",
    words: str = "I'm sorry to have to inform you that your message could not be delivered.",
    machine: str,
    returned: str,
    returned_type: str = "message/rfc822",
) -> bytes:
    """A multipart/report (RFC 6522) of three parts."""
    machine_type = "feedback-report" if kind == "feedback-report" else "delivery-status"
    return (
        "Return-Path: <>\n"
        f"Date: {format_datetime(at)}\n"
        f"From: {sender}\n"
        f"To: {to}\n"
        f"Subject: {subject}\n"
        f"{headers}"
        "MIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="=_part"\n'
        "\n"
        "This is a MIME-encapsulated message.\n"
        "\n--=_part\n"
        "Content-Description: Notification\n"
        "Content-Type: text/plain; charset=us-ascii\n"
        "\n"
        f"{words}\n"
        "\n--=_part\n"
        f"Content-Type: message/{machine_type}\n"
        "\n"
        f"{machine}\n"
        "\n--=_part\n"
        f"Content-Type: {returned_type}\n"
        "\n"
        f"{returned}\n"
        "\n--=_part--\n"
    ).encode()


def postfix(
    *,
    delivery: str = DELIVERY,
    reader: str = READER,
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "550 5.1.1 <reader0@clinic.example>: Recipient address rejected: User unknown",
    to: str = "digest@news.example",
    at: datetime = NOW,
    returned: str | None = None,
) -> bytes:
    """Postfix: the original's headers alone, as text/rfc822-headers or as a message."""
    machine = (
        "Reporting-MTA: dns; relay.news.example\n"
        "X-Postfix-Queue-ID: 4N8xyz1234\n"
        "Arrival-Date: Tue, 15 Nov 2022 14:00:01 +0000 (UTC)\n"
        "\n"
        f"Final-Recipient: rfc822; {reader}\n"
        f"Original-Recipient: rfc822;{reader}\n"
        f"Action: {action}\n"
        f"Status: {status}\n"
        "Remote-MTA: dns; mx.clinic.example\n"
        f"Diagnostic-Code: smtp; {said}"
    )
    return report(
        machine=machine,
        to=to,
        at=at,
        returned=original(delivery, reader) if returned is None else returned,
        returned_type="text/rfc822-headers",
    )


def exim(delivery: str = DELIVERY) -> bytes:
    """Exim: a vague status, the server's words in several lines, and Auto-Submitted."""
    machine = (
        "Reporting-MTA: dns; relay.news.example\n"
        "\n"
        "Action: failed\n"
        f"Final-Recipient: rfc822;{READER}\n"
        "Status: 5.0.0\n"
        "Remote-MTA: dns; mx.clinic.example\n"
        "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does\n"
        " 550 5.1.1 not exist. Please try double-checking"
    )
    return report(
        sender="Mail Delivery System <Mailer-Daemon@relay.news.example>",
        headers=f"X-Failed-Recipients: {READER}\nAuto-Submitted: auto-replied\n",
        subject="Mail delivery failed: returning message to sender",
        machine=machine,
        returned=f"{original(delivery)}\nThe body.",
    )


def exchange(delivery: str = DELIVERY) -> bytes:
    """Exchange Online: the recipient's own server reports, and quotes our id in In-Reply-To."""
    machine = (
        "Reporting-MTA: dns;AB1PR01MB1234.eurprd01.prod.outlook.example\n"
        "Received-From-MTA: dns;relay.news.example\n"
        "Arrival-Date: Tue, 15 Nov 2022 14:00:02 +0000\n"
        "\n"
        f"Final-Recipient: rfc822;{READER}\n"
        "Action: failed\n"
        "Status: 5.1.10\n"
        "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found\n"
        "X-Display-Name: Anna Bell"
    )
    return report(
        sender="Microsoft Outlook <postmaster@clinic.example>",
        headers=(
            "X-MS-Exchange-Message-Is-Ndr:\n"
            f"In-Reply-To: {message_id(delivery)}\nReferences: {message_id(delivery)}\n"
            "Auto-Submitted: auto-replied\n"
        ),
        subject="Undeliverable: The alliance, measured",
        machine=machine,
        returned="From: digest@news.example\nSubject: The alliance, measured\n",
        returned_type="text/rfc822-headers",
    )


def gmail(delivery: str = DELIVERY) -> bytes:
    """Gmail, whose mailbox is over quota: 5.2.2, which calls itself permanent."""
    machine = (
        "Reporting-MTA: dns; googlemail.example\n"
        "Received-From-MTA: dns; digest@news.example\n"
        "Arrival-Date: Tue, 15 Nov 2022 06:00:03 -0800 (PST)\n"
        "X-Original-Message-ID: " + message_id(delivery) + "\n"
        "\n"
        f"Final-Recipient: rfc822; {READER}\n"
        "Action: failed\n"
        "Status: 5.2.2\n"
        "Diagnostic-Code: smtp; 552-5.2.2 The email account that you tried to reach is over quota\n"
        "Last-Attempt-Date: Tue, 15 Nov 2022 06:00:04 -0800 (PST)"
    )
    return report(
        sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
        headers=f"X-Failed-Recipients: {READER}\nAuto-Submitted: auto-replied\n",
        machine=machine,
        returned=f"{original(delivery)}\nThe body.",
    )


def qmail(delivery: str = DELIVERY, said: str = "550 5.1.1 no mailbox here by that name") -> bytes:
    """qmail: a letter in English, with a copy of the message under it."""
    return (
        f"Return-Path: <>\nDate: {format_datetime(NOW)}\nFrom: MAILER-DAEMON@relay.news.example\n"
        "To: digest@news.example\nSubject: failure notice\n\n"
        "Hi. This is the qmail-send program at relay.news.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        f"<{READER}>:\n192.0.2.7 does not like recipient.\nRemote host said: {said}\n"
        "Giving up on 192.0.2.7.\n\n"
        "--- Below this line is a copy of the message.\n\n"
        f"{original(delivery)}\nThe body.\n"
    ).encode()


def old_exim(delivery: str = DELIVERY) -> bytes:
    """Exim before it wrote notifications: X-Failed-Recipients and plain text."""
    return (
        f"Return-Path: <>\nDate: {format_datetime(NOW)}\nX-Failed-Recipients: {READER}\n"
        "Auto-Submitted: auto-replied\n"
        "From: Mail Delivery System <Mailer-Daemon@relay.news.example>\n"
        "To: digest@news.example\nSubject: Mail delivery failed: returning message to sender\n\n"
        "A message that you sent could not be delivered to one or more of its recipients.\n\n"
        f"  {READER}\n    host mx.clinic.example [192.0.2.7]:\n"
        "    550 5.1.1 unknown user\n\n"
        "------ This is a copy of the message, including all the headers. ------\n\n"
        f"{original(delivery)}\nThe body.\n"
    ).encode()


def complaint(delivery: str = DELIVERY, type_: str = "abuse", returned: str | None = None) -> bytes:
    """A feedback report (RFC 5965)."""
    machine = (
        f"Feedback-Type: {type_}\n"
        "User-Agent: SomeGenerator/1.0\n"
        "Version: 1\n"
        "Original-Mail-From: <digest@news.example>\n"
        f"Original-Rcpt-To: <{READER}>\n"
        "Arrival-Date: Tue, 15 Nov 2022 14:00:02 +0000\n"
        "Source-IP: 192.0.2.1"
    )
    return report(
        sender="<abusedesk@provider.example>",
        kind="feedback-report",
        subject="FW: The alliance, measured",
        words="This is an email abuse report for an email message.",
        machine=machine,
        returned=f"{original(delivery)}\nThe body." if returned is None else returned,
    )


def vacation(delivery: str = DELIVERY) -> bytes:
    """An answering machine's (RFC 3834), which names our message as any answer does."""
    return (
        f"Return-Path: <>\nDate: {format_datetime(NOW)}\nFrom: Anna Bell <{READER}>\n"
        "To: digest@news.example\nSubject: Out of office: The alliance, measured\n"
        f"In-Reply-To: {message_id(delivery)}\nReferences: {message_id(delivery)}\n"
        "Auto-Submitted: auto-replied\n\n"
        "I am away until Monday. Mail that failed with 550 5.1.1 will be read then.\n"
    ).encode()


def letter(delivery: str = DELIVERY) -> bytes:
    """A reader's answer."""
    return (
        f"Date: {format_datetime(NOW)}\nFrom: Anna Bell <{READER}>\nTo: digest@news.example\n"
        f"Subject: Re: The alliance, measured\nIn-Reply-To: {message_id(delivery)}\n\n"
        "Thank you. My colleague's address bounced with 550 5.1.1, though.\n"
    ).encode()
