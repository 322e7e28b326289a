"""`newsletter token`: who may use the API, and for what."""

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.options import Json, command_group, load
from newsletter.cli.output import note, print_json, print_table, say, warn
from newsletter.errors import NewsletterError
from newsletter.model.api_token import ApiToken, Scope

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.api_tokens import ApiTokens

app = command_group("Make, list and revoke tokens for the API.")

_LONGEST_NAME = 100


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will hold it.")],
    scope: Annotated[
        list[Scope],
        typer.Option(metavar="SCOPE", help=f"Several are allowed: {', '.join(Scope)}."),
    ],
) -> None:
    """Make a token and show it, this once.

    Example: newsletter token create website --scope subscriptions:write
    """
    name = " ".join(name.split())
    if not (name.isprintable() and 0 < len(name) <= _LONGEST_NAME):
        raise NewsletterError(f"write 1 to {_LONGEST_NAME} characters", where="NAME")
    token, text = _open(context).create(name, scope)
    print(text)
    warn(f"Token {token.id} of {name} may: {_scopes(token)}.")
    warn("Keep it like a password; it is not shown again.")


@app.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """List every token, what it may do and when it was last used.

    The time of use is known to the hour.

    Example: newsletter token list
    """
    tokens = _open(context).everyone()
    if json:
        print_json([_document(token) for token in tokens])
    elif tokens:
        rows = [(t.id, t.name, _scopes(t), _day(t.created_at), _use(t)) for t in tokens]
        print_table(("id", "name", "scopes", "made", "used"), rows)
    else:
        note("No token yet. To make one: newsletter token create NAME --scope SCOPE")


@app.command()
def revoke(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As newsletter token list has it.")],
) -> None:
    """Take a token back; the next request with it is refused.

    Example: newsletter token revoke 0f3c5a7e9b1d
    """
    is_new = _open(context).revoke(token_id)
    say(f"{token_id} {'is revoked' if is_new else 'was revoked before'}.")


def _open(context: typer.Context) -> "ApiTokens":
    from newsletter.wiring import open_api_tokens

    return open_api_tokens(load(context))


def _scopes(token: ApiToken) -> str:
    return " ".join(scope for scope in Scope if scope in token.scopes)


def _use(token: ApiToken) -> str:
    if token.revoked_at:
        return f"revoked {_day(token.revoked_at)}"
    return _day(token.used_at) if token.used_at else "never"


def _day(at: "datetime") -> str:
    return f"{at:%Y-%m-%d}"


def _document(token: ApiToken) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": [scope.value for scope in Scope if scope in token.scopes],
        "created_at": token.created_at.isoformat(),
        "used_at": token.used_at.isoformat() if token.used_at else None,
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
    }
