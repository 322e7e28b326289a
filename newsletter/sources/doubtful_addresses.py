"""Addresses that are right in form and yet may not be what they seem: warned of, never refused."""

import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import Final

# The best known of the services that give out an address for ten minutes. A complete list would
# be thousands long and old by the next month.
THROWAWAY_DOMAINS: Final = frozenset(
    {
        "10minutemail.com",
        "dispostable.com",
        "fakeinbox.com",
        "getnada.com",
        "guerrillamail.com",
        "maildrop.cc",
        "mailinator.com",
        "mailnesia.com",
        "mintemail.com",
        "moakt.com",
        "mytemp.email",
        "sharklasers.com",
        "temp-mail.org",
        "tempmail.com",
        "throwawaymail.com",
        "trashmail.com",
        "yopmail.com",
        "yopmail.fr",
    }
)
# Scripts with letters that look like another's (https://www.unicode.org/reports/tr39/).
_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})


def doubt(key: str, throwaway: Collection[str]) -> str:
    """What is doubtful about an address, given as addresses are compared; empty for most.

    `throwaway` are the domains whose addresses last minutes. The words name the domain at most,
    never the whole address.
    """
    local, _, domain = key.rpartition("@")
    if domain in throwaway:
        return f"{domain} gives out addresses that last minutes; nobody may read what is sent there"
    if "xn--" in domain and (mixed := _mixed_label(domain)):
        return f"the domain {mixed} mixes alphabets that look alike; it may be an imitation"
    if not local.isascii() and _is_mixed(local):
        return "the part before the @ mixes alphabets that look alike"
    return ""


@lru_cache(maxsize=10_000)
def _mixed_label(domain: str) -> str:
    try:
        readable = domain.encode("ascii").decode("idna")
    except UnicodeError:
        return ""
    return f"'{readable}'" if any(map(_is_mixed, readable.split("."))) else ""


def _is_mixed(text: str) -> bool:
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in text}
    return len(scripts & _ALIKE) > 1
