"""The archive site: files, served with a tag so that a browser asks for what is new alone."""

import gzip
import stat
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.responses import FileResponse, RedirectResponse, Response

_HEADERS: Final = {
    # The copies of what was sent carry their styles within them, as emails do.
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' https:; "
        "script-src 'self' 'wasm-unsafe-eval'; "  # the search index is read by WebAssembly
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
_DAY: Final = 86_400  # seconds
_KEPT: Final = {  # by suffix; of anything else a browser asks each time whether it is new
    **dict.fromkeys((".css", ".js", ".svg"), f"max-age={30 * _DAY}"),  # links name their version
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp"), f"max-age={_DAY}"),
    **dict.fromkeys((".pf_fragment", ".pf_index", ".pf_filter"), "max-age=31536000, immutable"),
}
_SEARCH: Final = "pagefind"  # whose scripts no link names a version of
_WORTHWHILE: Final = 1024  # bytes
_TYPES: Final = {"feed.xml": "application/atom+xml", "feed.json": "application/feed+json"}
_SQUEEZED: Final = frozenset({".css", ".html", ".js", ".json", ".svg", ".txt", ".xml"})


def find_page(folder: Path, path: str) -> Path | None:
    """The file of the archive for a path, `index.html` for a folder; nothing outside or hidden."""
    parts = path.split("/")
    if "\0" in path or any(part.startswith(".") or "\\" in part for part in parts):
        return None
    try:
        root = folder.resolve(strict=True)
        found = (root / "/".join(part for part in parts if part)).resolve(strict=True)
        if found.is_dir():
            found = (found / "index.html").resolve(strict=True)
        is_file = stat.S_ISREG(found.stat().st_mode)
    except (OSError, ValueError, RuntimeError):
        return None
    return found if is_file and found.is_relative_to(root) else None


def serve(folder: Path, path: str, headers: dict[str, str]) -> Response | None:
    """The answer for a path of the archive; `headers` are the request's, in lower case."""
    found = find_page(folder, path)
    if found is None or "//" in path:
        return None
    ways = _HEADERS | _ways(path, found.suffix)
    if found.name == "index.html" and path and not path.endswith(("/", "index.html")):
        # Relative, so that neither the Host header nor a proxy's path can lead it astray.
        return RedirectResponse(f"./{quote(path.rpartition('/')[2])}/", 308, ways)
    status = found.stat()
    answer: Response = FileResponse(
        found, headers=ways, stat_result=status, media_type=_TYPES.get(found.name)
    )
    if _may_be_squeezed(found, status.st_size, headers):
        answer = _squeezed(found, answer)
    if _is_known(answer, headers):
        kept = {"etag", "last-modified", "cache-control", "vary"}
        fresh = {name: value for name, value in answer.headers.items() if name in kept}
        return Response(status_code=304, headers={**ways, **fresh})
    return answer


def _ways(path: str, suffix: str) -> dict[str, str]:
    """How long a file of the archive may be kept, and whether search engines may show it."""
    within = path.strip("/").split("/")
    is_unversioned = within[0] == _SEARCH and suffix == ".js"
    ways = {
        "Cache-Control": "no-cache" if is_unversioned else _KEPT.get(suffix, "no-cache"),
        "X-Robots-Tag": "noindex" if within[1:2] == ["sent"] else "all",
    }
    return ways | {"Vary": "Accept-Encoding"} if suffix in _SQUEEZED else ways


def _may_be_squeezed(path: Path, size: int, headers: dict[str, str]) -> bool:
    is_asked = "gzip" in headers.get("accept-encoding", "") and "range" not in headers
    return is_asked and path.suffix in _SQUEEZED and size >= _WORTHWHILE


def _squeezed(path: Path, plain: Response) -> Response:
    tag = plain.headers["etag"]
    own = {"etag": f'{tag[:-1]}-gzip"', "content-encoding": "gzip"}
    left_out = {"content-length", "accept-ranges"}
    headers = {name: value for name, value in plain.headers.items() if name not in left_out}
    return Response(_gzip(path, tag), headers={**headers, **own})


@lru_cache(maxsize=1024)
def _gzip(path: Path, tag: str) -> bytes:  # noqa: ARG001 - the tag changes with the file
    return gzip.compress(path.read_bytes(), 6, mtime=0)


def _is_known(answer: Response, headers: dict[str, str]) -> bool:
    if tags := headers.get("if-none-match"):
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return answer.headers["etag"] in known or "*" in known
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
        return parsedate_to_datetime(answer.headers["last-modified"]) <= since
    except (TypeError, ValueError):
        return False
