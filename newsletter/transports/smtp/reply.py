"""What a server answers (RFC 5321, 4.2), and whether a refusal is about us or about a reader."""

import re
from typing import Final, NamedTuple

_LONGEST_WORDS: Final = 500

# RFC 4954's codes for who must log in, and "bad sequence", which some servers say instead.
_CODES_ABOUT_US: Final = frozenset({503, 530, 534, 535, 538})
# Faults of the sender's address (RFC 3463, 7505) and of the account (RFC 4954), and Gmail's 5.4.5
# for its daily quota.
_STATUS_ABOUT_US: Final = re.compile(r"\d{3} 5\.(?:1\.[78]|4\.5|7\.(?:8|9|27))\b")
# Postfix and others wait for RCPT to refuse who is asking.
_WORDS_ABOUT_US: Final = re.compile(
    r"relay(?:ing)? (?:access )?(?:denied|not (?:permitted|allowed)|prohibited)|unable to relay"
    r"|(?:sender address|client host|helo command) rejected|authentication (?:is )?required",
    re.IGNORECASE,
)


class Reply(NamedTuple):
    """A whole reply: its code and the text of its lines."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def kind(self) -> int:
        """The first digit: 2 done, 3 go on, 4 not now, 5 no."""
        return self.code // 100

    @property
    def words(self) -> str:
        """The code and the server's words, printable and on one line."""
        text = b" ".join((b"%d" % self.code, *self.lines)).decode("utf-8", "replace")
        printable = "".join(letter if letter.isprintable() else " " for letter in text)
        return " ".join(printable.split())[:_LONGEST_WORDS]

    @property
    def is_about_us(self) -> bool:
        """Whether a refusal means everybody's message and not this recipient's."""
        words = self.words
        return self.kind == 5 and (
            self.code in _CODES_ABOUT_US
            or _STATUS_ABOUT_US.match(words) is not None
            or _WORDS_ABOUT_US.search(words) is not None
        )

    @property
    def is_about_letters(self) -> bool:
        """Whether a refusal is of letters outside ASCII (RFC 6531, 3.5), or of asking for them."""
        return self.code in {553, 555} or self.words.startswith(f"{self.code} 5.6.")
