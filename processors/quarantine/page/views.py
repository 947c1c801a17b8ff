"""The pages: plain, without a script, nothing from elsewhere."""

import time
from collections.abc import Iterable
from typing import Final

from processors.quarantine.items import Item, sentence
from processors.quarantine.page.html import Html, fill, join
from processors.quarantine.page.sessions import Session
from processors.quarantine.wishes import Wish

STYLE: Final = """body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:64rem;padding:0 1rem 3rem;color:#222}
header{display:flex;gap:1rem;justify-content:space-between;align-items:center;
border-bottom:1px solid #ccc;padding:.6rem 0}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid #eee}
form.word{border:1px solid #ccc;padding:.6rem 1rem;margin:1rem 0;max-width:40rem}label{display:block;margin:.4rem 0}
input[type=text],input[type=password],textarea{width:100%;font:inherit}.pictures{display:flex;flex-wrap:wrap;gap:.5rem}
.pictures img{max-width:100%;background:#000}.bad{color:#a00}
button{font:inherit;padding:.2rem .8rem}code{word-break:break-all}"""
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · quarantine</title><link rel="stylesheet" href="/style.css"></head>
<body><header><a href="{base}/">Quarantine</a>{who}</header><main><h1>{title}</h1>{body}</main></body></html>
"""
_WHO: Final = """<form method="post" action="{base}/logout"><input type="hidden" name="csrf" value="{csrf}">
{name} <button>Sign out</button></form>"""
_LOGIN: Final = """{said}<form class="word" method="post" action="/login">
<label>Your token of the trusted zone <input type="password" name="token" autocomplete="off" required></label>
<button>Sign in</button></form><p>Sign-ins, looks at pictures and decisions are recorded.</p>"""
_ROW: Final = """<tr><td><a href="{base}/items/{id}">{file}</a></td><td>{project}</td><td>{reason}</td><td>{says}</td>
<td>{since}</td><td>{asked}</td></tr>"""
_TABLE: Final = """<table><tr><th scope="col">instance</th><th scope="col">project</th><th scope="col">reason</th>
<th scope="col">that is</th><th scope="col">received (UTC)</th><th scope="col">asked by</th></tr>{rows}</table>"""
_FACTS: Final = """<p><strong>{reason}</strong>: {says}</p>
<p>Project {project}, profile {profile}, SOP class {sop_class_uid}, {size} bytes, received {since} UTC.</p>"""
_PICTURE: Final = """<figure><img src="{base}/items/{id}/frames/{frame}/{view}" alt="frame {number}">
<figcaption>frame {number}</figcaption></figure>"""
_ASK: Final = """<form class="word" method="post" action="{base}/items/{id}/release"><h2>Ask to release</h2>
<p>The engine treats the original again. Nothing leaves as it came, and another person must approve.</p>
<input type="hidden" name="csrf" value="{csrf}">
<label>Boxes to mask, one a line: left,top,width,height <textarea name="masks" rows="3"></textarea></label>
<label>Another profile <input type="text" name="profile" maxlength="200"></label>
<label>Why (no patient's name) <input type="text" name="why" maxlength="200" required></label>
<button>Ask</button></form>"""
_APPROVE: Final = """<form class="word" method="post" action="{base}/items/{id}/approve">
<h2>{by} asks to release it</h2>
<p>Masks: {masks}. Profile: {profile}.</p><p>Decision <code>{digest}</code></p>{act}</form>"""
_ACT: Final = """<input type="hidden" name="csrf" value="{csrf}"><input type="hidden" name="digest" value="{digest}">
<button>Approve, as the second person</button>"""
_REJECT: Final = """<form class="word" method="post" action="{base}/items/{id}/reject">
<h2>Reject</h2><p>It goes nowhere.</p>
<input type="hidden" name="csrf" value="{csrf}">
<label>Why (no patient's name) <input type="text" name="why" maxlength="200" required></label>
<button>Reject</button></form>"""


def page(title: str, body: Html, session: Session | None = None) -> str:
    """A whole page."""
    base = session.path if session else ""
    who = fill(_WHO, base=base, name=session.name, csrf=session.csrf) if session else ""
    return fill(_PAGE, base=base, title=title, body=body, who=who)


def login(said: str = "") -> str:
    """The sign-in."""
    return page("Sign in", fill(_LOGIN, said=fill('<p class="bad">{said}</p>', said=said) if said else ""))


def listing(waiting: Iterable[tuple[Item, Wish | None]], session: Session) -> str:
    """What waits."""
    rows = join(
        fill(
            _ROW,
            base=session.path,
            id=item.id,
            file=item.id[:8] + "…/" + item.file,
            project=item.project,
            reason=item.reason,
            says=sentence(item.reason),
            since=_moment(item.received_at),
            asked=wish.by if wish else "",
        )
        for item, wish in waiting
    )
    return page("What waits", fill(_TABLE, rows=rows) if rows else fill("<p>Nothing waits in quarantine.</p>"), session)


def one(item: Item, wish: Wish | None, pictures: list[tuple[int, int]], no_picture: str, session: Session) -> str:
    """One instance: facts, pictures by (frame, view), and the forms."""
    images = (
        fill(_PICTURE, base=session.path, id=item.id, frame=frame, view=view, number=frame + 1)
        for frame, view in pictures
    )
    facts = {name: getattr(item, name) for name in ("reason", "project", "profile", "sop_class_uid", "size")}
    about = fill(_FACTS, **facts, says=sentence(item.reason), since=_moment(item.received_at))
    shown = fill('<div class="pictures">{images}</div>', images=join(images))
    body = [about, fill("<p>{said}</p>", said=no_picture) if no_picture else shown]
    if wish:
        body.append(_approve(item, wish, session))
    about_it = {"base": session.path, "id": item.id, "csrf": session.csrf}
    body += [fill(_ASK, **about_it), fill(_REJECT, **about_it)]
    return page(f"{item.id[:8]}…/{item.file}", join(body), session)


def _approve(item: Item, wish: Wish, session: Session) -> Html:
    masks = "; ".join(f"{each.left},{each.top},{each.width},{each.height}" for each in wish.decision.masks)
    digest = wish.decision.digest
    act = fill(_ACT, csrf=session.csrf, digest=digest)
    alone = fill("<p>Another person must approve it.</p>")
    return fill(
        _APPROVE,
        base=session.path,
        id=item.id,
        by=wish.by,
        masks=masks or "none",
        profile=wish.decision.profile or "as before",
        digest=digest,
        act=alone if wish.by == session.name else act,
    )


def refusal(said: str, base: str = "") -> str:
    """Why something is not done; `base` is the folder of the asker's session."""
    said_so = fill('<p class="bad">{said}</p><p><a href="{base}/">Back to the list</a></p>', base=base, said=said)
    return page("Not done", said_so)


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))
