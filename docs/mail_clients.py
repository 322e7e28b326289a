"""Distils what mail programs do not show from caniemail.com's data; prints `clients.toml`.

    npm pack caniemail && tar xzf caniemail-*.tgz
    python docs/mail_clients.py package/data/caniemail.json > newsletter/checks/clients.toml

A program counts where the newest version tested on one of its platforms shows the feature not at
all. Left aside: Windows Mail, which has ended, and Gmail in a phone's browser, which few use.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

CLIENTS: Final = {
    "apple-mail": "Apple Mail",
    "gmail": "Gmail",
    "outlook": "Outlook",
    "yahoo": "Yahoo",
}
ASIDE: Final = {("outlook", "windows-mail"), ("gmail", "mobile-webmail")}

# Without these an email looks plainer and reads the same: nothing to warn of.
PLAINER: Final = """
    accent-color animation transition border-radius box-shadow text-shadow cursor resize
    color-scheme font-kerning font-stretch font-size-adjust hyphens hyphenate-character
    hyphenate-limit-chars overflow-wrap word-wrap orphans widows outline outline-offset
    tab-size text-decoration-color text-decoration-skip-ink text-decoration-style text-justify
    text-decoration-thickness text-underline-offset text-underline-position text-wrap
    user-select scroll-snap height @font-face @keyframes @media @supports :hover :active
    :focus :focus-visible :focus-within :link :visited :target abbr acronym bdi wbr body
"""
NO_PROPERTIES: Final = re.compile(r"system-ui|ui-.*|.*-content|inert")
# Every program takes these out before it shows an email, so nobody tests them; and the fields of
# a form, which caniemail lists by their type.
TAKEN_OUT: Final = ("embed", "iframe", "script")
FIELDS: Final = "Outlook"
UNTITLED: Final = {
    "css-variables": [("value", "var()")],
    "css-grid-template": [
        ("property", "grid-template-columns"),
        ("property", "grid-template-rows"),
    ],
}
_PROPERTY: Final = re.compile(r"-?[a-z]+(?:-[a-z]+)*")
_ELEMENT: Final = re.compile(r"(?:Embedded )?<([a-z0-9]+)")


def main() -> None:
    """Print the table of the data that the first argument names."""
    document = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    plainer = frozenset(PLAINER.split())
    tables: dict[str, dict[str, str]] = {
        "property": {},
        "value": {},
        "rule": {},
        "selector": {},
        "element": {**dict.fromkeys(TAKEN_OUT, ", ".join(CLIENTS.values())), "input": FIELDS},
    }
    for feature in document["data"]:
        lacking = ", ".join(_lacking(feature["stats"]))
        for kind, name in _names(feature):
            if lacking and name not in plainer:
                tables[kind].setdefault(name, lacking)
    print("# Made by docs/mail_clients.py from the data of caniemail.com, which is under the MIT")
    print("# licence, copyright (c) 2019 Rémi Parmentier; its state:", end=" ")
    print(document["last_update_date"][:10] + ".")
    print("# What the programs named on the right do not show.")
    for kind, table in tables.items():
        print(f"\n[{kind}]")
        for name, lacking in sorted(table.items()):
            print(f"{json.dumps(name)} = {json.dumps(lacking)}")


def _lacking(stats: dict[str, Any]) -> Iterator[str]:
    for family, name in CLIENTS.items():
        newest = {
            platform: list(versions.values())[-1]
            for platform, versions in stats.get(family, {}).items()
            if versions and (family, platform) not in ASIDE
        }
        platforms = [platform for platform, support in newest.items() if support[0] == "n"]
        if platforms == ["windows"]:
            yield f"{name} for Windows"
        elif platforms:
            yield name


def _names(feature: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """How a page or style sheet writes the feature, and which kind it is."""
    title = feature["title"].removesuffix(" property").removesuffix(" CSS").strip()
    if feature["category"] == "html":
        if (element := _ELEMENT.match(title)) and "type=" not in title:
            yield "element", element[1]
    elif feature["slug"] in UNTITLED:
        yield from UNTITLED[feature["slug"]]
    elif feature["category"] == "css":
        yield from _css_names(title)


def _css_names(title: str) -> Iterator[tuple[str, str]]:
    if title.startswith("@"):
        if "(" not in title:
            yield "rule", title
    elif title.startswith(":"):
        yield "selector", title.removesuffix("()")
    elif "()" in title:
        yield from (("value", f"{name}()") for name in re.findall(r"([a-z-]+)\(\)", title))
    elif title.endswith(" unit"):
        yield "value", title.removesuffix(" unit")
    elif re.fullmatch(r"[a-z-]+: ?[a-z]+", title):
        yield "value", title.replace(" ", "")
    else:
        names = re.split(r", | & ", title)
        if all(_PROPERTY.fullmatch(n) and not NO_PROPERTIES.fullmatch(n) for n in names):
            yield from (("property", name) for name in names)


if __name__ == "__main__":
    main()
