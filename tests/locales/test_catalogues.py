"""Every word that the program says can be said in each of its languages."""

import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from newsletter.locales import LANGUAGES

ROOT = Path(__file__).parents[2]
CATALOGUES = ROOT / "newsletter" / "catalogues"


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_the_catalogue_has_every_word_and_no_other(language: str, tmp_path: Path) -> None:
    words = tmp_path / "words.pot"
    pybabel = Path(sys.executable).with_name("pybabel")
    mapping = CATALOGUES / "mapping.cfg"
    subprocess.run(
        [str(pybabel), "-q", "extract", "-F", str(mapping), "-o", str(words), "."],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    said = {message.id for message in read(words) if message.id}
    translated = {message.id: message.string for message in read(CATALOGUES / f"{language}.po")}
    assert said == {id_ for id_ in translated if id_}
    assert all(string for id_, string in translated.items() if id_)
