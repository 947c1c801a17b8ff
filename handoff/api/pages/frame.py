"""What every page has, and the headers that go with it."""

from fastapi.responses import HTMLResponse

from handoff.access.sessions import BrowserSession
from handoff.api.pages.html import NOTHING, Html, fill, join

STYLE, ICON = "/style.css", "/icon.svg"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # with none at all, browsers would not say either where a form comes from
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Sluice</title>
<link rel="stylesheet" href="{style}">
<link rel="icon" href="{icon}" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><a class="brand" href="/">Sluice</a>{nav}</header>
<main id="main">
{body}
</main>
</body>
</html>
"""
_NAV = """<nav>{links}</nav><div class="who"><span>{name} <small>{role}{projects}</small></span>
<form method="post" action="/logout">{csrf}<button class="quiet">Sign out</button></form></div>"""
_LINKS = (("/", "Now", "read"), ("/tokens", "Tokens", "administer"))


def page(
    title: str,
    body: Html,
    session: BrowserSession | None = None,
    *,
    status: int = 200,
    refresh_seconds: int | None = None,
) -> HTMLResponse:
    """A page; with a session it says whose, and where that person may go."""
    nav = NOTHING if session is None else _nav(session, title)
    headers = dict(HEADERS) | ({"Refresh": str(refresh_seconds)} if refresh_seconds else {})
    return HTMLResponse(
        fill(_PAGE, title=title, style=STYLE, icon=ICON, nav=nav, body=body), status_code=status, headers=headers
    )


def table(heads: tuple[str, ...], rows: list[Html], empty: str) -> Html:
    """A table, or what to say where it would be empty."""
    if not rows:
        return fill('<p class="empty">{empty}</p>', empty=empty)
    cells = join(fill('<th scope="col">{head}</th>', head=head) for head in heads)
    form = '<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>'
    return fill(form, cells=cells, rows=join(rows))


def row(*cells: object) -> Html:
    """A row of a table."""
    return fill("<tr>{cells}</tr>", cells=join(fill("<td>{cell}</td>", cell=cell) for cell in cells))


def facts(named: dict[str, object]) -> Html:
    """Names and values; what is not known is left out."""
    known = ((name, value) for name, value in named.items() if value not in {None, ""})
    return fill(
        '<dl class="facts">{all}</dl>',
        all=join(fill("<div><dt>{name}</dt><dd>{value}</dd></div>", name=name, value=value) for name, value in known),
    )


def csrf_field(csrf: str) -> Html:
    """What every form brings back."""
    return fill('<input type="hidden" name="csrf" value="{csrf}">', csrf=csrf)


def button(action: str, label: str, csrf: str, *, tone: str = "", fields: Html = NOTHING) -> Html:
    """A form of one button; it changes something, so it is never a link."""
    return fill(
        '<form method="post" action="{action}">{csrf}{fields}<button class="{tone}">{label}</button></form>',
        action=action,
        csrf=csrf_field(csrf),
        fields=fields,
        tone=tone,
        label=label,
    )


def _nav(session: BrowserSession, title: str) -> Html:
    who = session.who
    allowed = [(path, label) for path, label, verb in _LINKS if who.may(verb)]  # type: ignore[arg-type]
    links = (
        fill('<a href="{path}"{here}>{label}</a>', path=path, label=label, here=_here(label == title))
        for path, label in allowed
    )
    projects = "" if who.projects is None else f" · {', '.join(sorted(who.projects)) or 'no project'}"
    return fill(_NAV, links=join(links), name=who.name, role=who.role, projects=projects, csrf=csrf_field(session.csrf))


def _here(current: bool) -> Html:
    return Html(' aria-current="page"') if current else NOTHING
