"""The archive site: files, served with a tag so that a browser asks for what is new alone."""

import stat
from email.utils import parsedate_to_datetime
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
    "Cache-Control": "no-cache",
    "X-Robots-Tag": "all",
}


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
    if found.name == "index.html" and path and not path.endswith(("/", "index.html")):
        # Relative, so that neither the Host header nor a proxy's path can lead it astray.
        return RedirectResponse(f"./{quote(path.rpartition('/')[2])}/", 308, dict(_HEADERS))
    answer = FileResponse(found, headers=dict(_HEADERS), stat_result=found.stat())
    if _is_known(answer, headers):
        kept = {"etag", "last-modified", "cache-control"}
        fresh = {name: value for name, value in answer.headers.items() if name in kept}
        return Response(status_code=304, headers={**_HEADERS, **fresh})
    return answer


def _is_known(answer: FileResponse, headers: dict[str, str]) -> bool:
    if tags := headers.get("if-none-match"):
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return answer.headers["etag"] in known or "*" in known
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
        return parsedate_to_datetime(answer.headers["last-modified"]) <= since
    except (TypeError, ValueError):
        return False
