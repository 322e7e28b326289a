"""Checks of the taxonomy as a whole."""

import pytest

from .conftest import Editor

TAXONOMY = "issues/taxonomy.toml"


def findings(editor: Editor, *kinds: str) -> list[str]:
    found = editor.desk.check_folders()
    return [str(one) for one in found if one.severity in kinds]


def test_the_bundled_taxonomy_has_no_warning(editor: Editor) -> None:
    assert findings(editor, "error", "warning") == []


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        (
            'anxeity-ii = "Anxiety II"',
            "6: warning: the slug 'anxeity-ii' has 'anxeity', its label 'Anxiety II' has 'anxiety'",
        ),
        (
            'thearpie-breve = "Thérapie brève"',
            "6: warning: the slug 'thearpie-breve' has 'thearpie', its label 'Thérapie brève' has",
        ),
        (
            'traumas = "Trauma and/or PTSDs"',
            "41: warning: the labels 'Trauma and/or PTSDs' and 'Trauma and/or PTSD' are hard to",
        ),
    ],
)
def test_a_slip_in_the_taxonomy_is_warned_about_on_its_line(
    line: str, finding: str, editor: Editor
) -> None:
    editor.replace(TAXONOMY, "[topics]\n", f"[topics]\n{line}\n")

    [one] = findings(editor, "warning")
    assert one.startswith(f"{TAXONOMY}:{finding}")


@pytest.mark.parametrize(
    "line",
    ['therapie-breve = "Thérapie brève"', 'sleeping = "Sleep"', 'grief = "Loss and Bereavement"'],
)
def test_a_slug_need_not_be_its_label(line: str, editor: Editor) -> None:
    editor.replace(TAXONOMY, "[topics]\n", f"[topics]\n{line}\n")

    assert findings(editor, "warning") == []


def test_topics_that_no_article_has_had_are_noted_in_one_line(editor: Editor) -> None:
    [note] = findings(editor, "note")
    assert note.startswith(f"{TAXONOMY}:6: note: readers can choose topics that no article has had")
    names = note.partition(": ")[2].partition("had: ")[2].partition("; ")[0].split(", ")
    assert "trauma" in names
    assert "alliance" not in names

    editor.replace("a.md", '"alliance"', '"trauma"')
    assert "trauma" not in findings(editor, "note")[0]
