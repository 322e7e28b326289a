"""Subject and preheader: the one line by which an email is opened or not.

Gmail and Apple Mail show about 50 characters of a subject on a phone and about 70 on a wide
screen, and the preheader after it while there is room.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from newsletter.checks.proof import Proof
from newsletter.model.issue import IssueStatus
from newsletter.model.problem import Problem

PHONE_SUBJECT: Final = 50
WIDE_SUBJECT: Final = 70
SHORT_PREHEADER: Final = 40
PHONE_PREHEADER: Final = 90
WIDE_PREHEADER: Final = 140
_TOGETHER: Final = 160
_SAME: Final = 0.85


def check_inbox(proof: Proof) -> Iterator[Problem]:
    """What inboxes would cut, and a preheader that says nothing new; no inbox gets a past issue."""
    if proof.issue.status is IssueStatus.PAST:
        return
    subject, preheader = proof.issue.subject, proof.issue.preheader
    length, room = len(subject), len(preheader)
    first, then = proof.folder.issue("subject"), proof.folder.issue("preheader")
    if length > WIDE_SUBJECT:
        message = f"subject has {length} characters; inboxes cut it after about {WIDE_SUBJECT}"
        yield first.warning(message, f"let it be whole at “{subject[:WIDE_SUBJECT].rstrip()}…”")
    elif length > PHONE_SUBJECT:
        message = f"subject has {length} characters; phones cut it after about {PHONE_SUBJECT}"
        yield first.note(message, "put what matters first")
    if _is_echo(subject, preheader):
        message = "preheader repeats the subject, and inboxes show the two side by side"
        yield then.warning(message, "say what the subject leaves out")
    if room > WIDE_PREHEADER:
        message = f"preheader has {room} characters; inboxes cut it after about {WIDE_PREHEADER}"
        yield then.warning(message, "make it a sentence shorter")
    elif room > PHONE_PREHEADER:
        message = f"preheader has {room} characters; phones cut it after about {PHONE_PREHEADER}"
        yield then.note(message, "put what matters first")
    elif room < SHORT_PREHEADER:
        message = f"preheader has only {room} characters; inboxes have room for {PHONE_PREHEADER}"
        yield then.note(message, "name another article of the issue")
    if length <= WIDE_SUBJECT and room <= WIDE_PREHEADER and length + room > _TOGETHER:
        message = f"subject and preheader have {length + room} characters together"
        yield then.note(message, f"few inboxes show more than {_TOGETHER} in one line")


def _is_echo(subject: str, preheader: str) -> bool:
    one, other = subject.casefold().strip(" .!?…"), preheader.casefold().strip(" .!?…")
    if other.startswith(one):
        return True
    matcher = SequenceMatcher(None, one, other)
    return matcher.real_quick_ratio() >= _SAME and matcher.ratio() >= _SAME
