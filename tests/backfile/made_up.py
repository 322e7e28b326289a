"""An archive of invented summaries, as each program that it may come from would export it."""

import csv
import json
from dataclasses import dataclass
from html import escape
from io import BytesIO, StringIO
from typing import Final
from zipfile import ZipFile

from PIL import Image


@dataclass(frozen=True)
class Post:
    title: str
    date: str
    body: tuple[str, ...]
    practice: tuple[str, ...]
    citation: str = ""

    @property
    def slug(self) -> str:
        return "-".join(self.title.lower().replace("?", "").replace("'", "").split())[:40]

    @property
    def words(self) -> list[str]:
        """What must be read of it again, its title and citation apart."""
        return " ".join([*self.body, "Practice Implications", *self.practice]).split()


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in text.strip().split("\n\n"))


_WAITING: Final = Post(
    "What clients say about waiting",
    "2013-04-09",
    _paragraphs("""
Waiting lists are long in most towns. In this survey, Doe and Poe (2012) asked 1,204 clients what
they did between the first call and the first hour, and how their hopes fared in the meantime. Half
of them had called somewhere else; one in 10 had given up & stayed at home.

Hope fell by about 4% a week [95% CI: 2 to 6] and rose again after a single short call. Costs were
< 5 dollars a call. Numbers like 3*4*5 and file_names_like_this were left alone.
"""),
    ("Call people who wait. A short call every 2nd week is enough, and anybody can make it.",),
    "Doe, J., & Poe-Roe, A.-M. (2012). Waiting, and what it does to hope. Journal of Invented "
    "Results, 12(3), 45-67. https://doi.org/10.5555/jir.2012.045",
)
_SILENCE: Final = Post(
    "Does silence help the alliance?",
    "2013-04-16",
    _paragraphs("""
Silences are part of every hour. This meta-analysis of 31 studies weighs what they do to the
therapeutic alliance: with N = 2,310 clients, a moderate effect was found (r = .21), larger where
the therapist had said beforehand that silence is allowed in the room.
"""),
    (
        "Say early on that silence is welcome.",
        "Afterwards, ask what it was like: clients' answers differ more than therapists expect.",
    ),
    "Roe, R. (2011). Silence in the hour: A meta-analysis. Annals of Nothing, 7, 1-19.",
)
_GROUPS: Final = Post(
    "Why people leave groups",
    "2013-05-07",
    _paragraphs("""
Drop-out from group psychotherapy is common, and its reasons are seldom asked for. In this
qualitative study, 22 people who had left a group within a month told an interviewer why.

2013. That was the year most of them named as their worst, for reasons of their own. + Some said so
# more than once.
"""),
    ("Prepare people for groups one by one; those who knew a face on the first evening stayed.",),
)
POSTS: Final = (_WAITING, _SILENCE, _GROUPS)


def page_text(posts: tuple[Post, ...] = POSTS) -> str:
    """A page's text, newest month first, as a browser's 'save as text' gives it."""
    lines = [
        "Digest",
        "Summaries of research, once a month.",
        "Topics",
        "- ALL (clear)",
        "- Alliance",
    ]
    for month, name in (("2013-05", "May 2013"), ("2013-04", "April 2013")):
        lines.append(name)
        for post in (post for post in posts if post.date.startswith(month)):
            lines += [post.title, *([post.citation] if post.citation else []), *post.body]
            lines += ["Practice Implications", *post.practice]
    return "\n".join(lines) + "\n"


def post_html(post: Post) -> str:
    citation = f"<p><em>{escape(post.citation)}</em></p>\n" if post.citation else ""
    body = "\n".join(f"<p>{escape(text)}</p>" for text in post.body)
    practice = "\n".join(f"<p>{escape(text)}</p>" for text in post.practice)
    return f"{citation}{body}\n<h4>Practice Implications</h4>\n{practice}"


def page_html(posts: tuple[Post, ...] = POSTS) -> str:
    parts = []
    for month, name in (("2013-05", "May 2013"), ("2013-04", "April 2013")):
        parts.append(f'<h2 class="month"><a name="{month}"></a>{name}</h2>')
        parts += [
            f"<article><h3><a href='/x'>{escape(post.title)}</a></h3>{post_html(post)}</article>"
            for post in posts
            if post.date.startswith(month)
        ]
    return f"""<!DOCTYPE html><html lang=en><head><meta charset='utf-8'><title>Digest</title>
<style>p{{}}</style><script>var april = 'April 2013';</script></head>
<body><nav><ul><li>April 2013<li>May 2013</ul></nav>
<main><h1>Digest</h1><p>Once a month.</p>{"".join(parts)}<footer>Write to us.</footer></main>
<p>All rights reserved.</p></body></html>"""


def wordpress(posts: tuple[Post, ...] = POSTS, more: str = "") -> str:
    items = "".join(
        f"""<item><title>{escape(post.title)}</title><link>https://old.example/{post.slug}/</link>
<dc:creator><![CDATA[editor]]></dc:creator><description></description>
<content:encoded><![CDATA[{post_html(post)}]]></content:encoded>
<excerpt:encoded><![CDATA[]]></excerpt:encoded>
<wp:post_date><![CDATA[{post.date} 08:00:00]]></wp:post_date>
<wp:post_name>{post.slug}</wp:post_name>
<wp:status>publish</wp:status><wp:post_type>post</wp:post_type>
<category domain="category" nicename="a"><![CDATA[Alliance]]></category></item>"""
        for post in posts
    )
    return f"""<?xml version="1.0" encoding="UTF-8" ?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>Old</title><wp:wxr_version>1.2</wp:wxr_version>{items}{more}</channel></rss>"""


def rss(posts: tuple[Post, ...] = POSTS) -> str:
    months = {"04": "Apr", "05": "May"}
    items = "".join(
        f"<item><title>{escape(post.title)}</title><link>https://old.example/{post.slug}</link>"
        f"<pubDate>{post.date[8:]} {months[post.date[5:7]]} 2013 12:00:00 GMT</pubDate>"
        f"<description>{escape(post_html(post))}</description></item>"
        for post in posts
    )
    return f'<rss version="2.0"><channel><title>Old</title>{items}</channel></rss>'


def atom(posts: tuple[Post, ...] = POSTS) -> str:
    entries = "".join(
        f"<entry><title>{escape(post.title)}</title><link href='https://old.example/{post.slug}'/>"
        f"<published>{post.date}T12:00:00Z</published><summary>Short.</summary>"
        f"<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>{post_html(post)}</div></content>"
        "</entry>"
        for post in posts
    )
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Old</title>{entries}</feed>'


def substack(posts: tuple[Post, ...] = POSTS) -> bytes:
    table = StringIO()
    rows = csv.writer(table)
    rows.writerow(
        ["post_id", "post_date", "is_published", "email_sent_at", "type", "title", "subtitle"]
    )
    files = {}
    for number, post in enumerate(posts, start=100):
        key = f"{number}.{post.slug}"
        rows.writerow(
            [
                key,
                f"{post.date}T12:00:00.000Z",
                "true",
                "",
                "newsletter",
                post.title,
                "",
            ]
        )
        files[f"posts/{key}.html"] = post_html(post)
    rows.writerow(["99.begun", "", "false", "", "newsletter", "Only begun", ""])
    return zipped({"posts.csv": table.getvalue(), **files})


def ghost(posts: tuple[Post, ...] = POSTS) -> str:
    rows = [
        {
            "id": post.slug,
            "title": post.title,
            "slug": post.slug,
            "html": post_html(post),
            "lexical": "{}",
            "status": "published",
            "type": "post",
            "published_at": f"{post.date}T12:00:00.000Z",
            "custom_excerpt": None,
        }
        for post in posts
    ]
    tags = [{"id": "t1", "name": "Alliance", "slug": "alliance"}]
    links = [{"post_id": _SILENCE.slug, "tag_id": "t1", "sort_order": 0}]
    return json.dumps(
        {
            "db": [
                {
                    "meta": {"version": "5.0"},
                    "data": {"posts": rows, "tags": tags, "posts_tags": links},
                }
            ]
        }
    )


def markdown_files(posts: tuple[Post, ...] = POSTS) -> dict[str, str]:
    """As Jekyll, Hugo and a plain folder keep them, one of each."""
    return {
        name: head + _markdown(post)
        for (name, head), post in zip(_heads(posts), posts, strict=True)
    }


def _heads(posts: tuple[Post, ...]) -> list[tuple[str, str]]:
    fronts = [
        lambda post: f'---\ntitle: "{post.title}"\nlayout: post\ntags: [alliance]\n---\n',
        lambda post: f'+++\ntitle = "{post.title}"\ndate = {post.date}T08:00:00Z\n+++\n',
        lambda post: f"# {post.title}\n\n",
    ]
    names = ["_posts/{date}-{slug}.md", "content/{slug}/index.md", "{date} {slug}.markdown"]
    return [
        (names[n % 3].format(date=post.date, slug=post.slug), fronts[n % 3](post))
        for n, post in enumerate(posts)
    ]


def _markdown(post: Post) -> str:
    def plain(text: str) -> str:
        return text.replace("*", "\\*").replace("[", "\\[").replace("2013. ", "2013\\. ")

    citation = [f"*{plain(post.citation)}*"] if post.citation else []
    parts = [
        *citation,
        *map(plain, post.body),
        "## Practice Implications",
        *map(plain, post.practice),
    ]
    return "\n\n".join(parts) + "\n"


def zipped(files: dict[str, str | bytes] | dict[str, str]) -> bytes:
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def picture(colour: str = "white") -> bytes:
    data = BytesIO()
    Image.new("RGB", (40, 20), colour).save(data, "PNG")
    return data.getvalue()
