"""What is proposed for an article: the taxonomy's words, found again in whatever form."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from newsletter.backfile.importing import Newsroom, PastImport, Wishes
from newsletter.backfile.proposals import Proposal
from newsletter.model.issue import Taxonomy

from .conftest import put

TOPICS = {
    "drop-out": "Attendance, Attrition, and Drop-Out",
    "cbt": "Cognitive Therapy (CT) and Cognitive-Behavioural Therapy (CBT)",
    "personality-disorders": "Personality Disorders",
    "therapist-factors": "Therapist Factors",
    "client-factors": "Client Factors",
    "long-term": "Long-term Outcomes",
    "trauma": "Trauma and/or PTSD",
    "training": "Training",
}
TYPES = {
    "rct": "Randomised controlled trial",
    "review": "Review",
    "umbrella-review": "Umbrella review",
}


def propose(
    newsroom: Newsroom,
    text: str,
    title: str = "A title",
    language: str = "en",
    topics: Mapping[str, str] = TOPICS,
) -> Proposal:
    room = replace(newsroom, taxonomy=Taxonomy(topics, TYPES), language=language)
    source = put({"2013-04-09-a.md": f"# {title}\n\n{text}\n"}, newsroom.issues.parent)
    [report] = PastImport(source, room).run(Wishes(accept_proposals=False, is_rehearsal=True))
    return report.taken[0].proposal


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Clients who dropped out, drop-outs and those who will drop out.", "drop-out"),
        ("CBT was compared with CBT by telephone, and with more CBT.", "cbt"),
        ("Cognitive behavioral therapies differ; one such cognitive therapy is new.", "cbt"),
        ("Traumas, one more trauma, and PTSD.", "trauma"),
        ("Long-term outcomes, and the outcome in the long term.", "long-term"),
        (
            "Therapists differ; factors in therapists, a therapist says, are many.",
            "therapist-factors",
        ),
        ("Trainees were trained; their training was long, and training is dear.", "training"),
    ],
)
def test_a_topic_is_told_by_any_form_of_its_words(
    newsroom: Newsroom, text: str, topic: str
) -> None:
    assert propose(newsroom, text).topics == (topic,)


def test_words_that_only_look_alike_say_nothing(newsroom: Newsroom) -> None:
    text = "In person, a person meets a person; persons differ, and clientele is no word."

    assert propose(newsroom, text, title="In person or online").topics == ()


def test_the_title_counts_most_and_four_topics_are_the_most(newsroom: Newsroom) -> None:
    text = "Training, training, training. CBT and CBT and CBT. PTSD and trauma. Drop-out, drop-out."
    text += " Long-term outcomes are outcomes in the long term. Personality disorders."

    proposal = propose(newsroom, text, title="After a trauma")

    assert proposal.topics[0] == "trauma"
    assert len(proposal.topics) == 4


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("In this large umbrella review of reviews, all was weighed.", "umbrella-review"),
        ("In this randomized controlled trial, 60 took part.", "rct"),
        ("Earlier reviews said nothing. A trial is a burden.", ""),
    ],
)
def test_a_type_is_told_where_the_text_says_what_it_is_about(
    newsroom: Newsroom, text: str, kind: str
) -> None:
    assert propose(newsroom, text).research_type == kind


def test_french_is_matched_as_french(newsroom: Newsroom) -> None:
    topics = {"deuil": "Deuil et pertes", "groupes": "Thérapies de groupe"}
    text = "La thérapie de groupe aide. Les thérapies de groupe durent, et un groupe reste."

    assert propose(newsroom, text, language="fr", topics=topics).topics == ("groupes",)
