"""What runs, what waits for its turn, what ended lately, and which studies are open and why."""

import time
from collections.abc import Sequence

from fastapi import Response
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.access.sessions import BrowserSession
from handoff.api.dependencies import ServiceDep
from handoff.api.pages.browser import SessionDep
from handoff.api.pages.frame import page, row, table
from handoff.api.pages.html import Html, fill, join
from handoff.api.pages.route import page_router
from handoff.api.pages.words import moment, short, state
from handoff.database.tables import Handoff, OutboxRow, PipelineVersion, Study
from handoff.handoffs.position import Place, WaitsFor, places
from handoff.handoffs.states import AT_ENGINE, ENDED, State

router = page_router()
_REFRESH_SECONDS = 15
_MOST = 50
_LATELY_SECONDS = 7 * 86_400
_RUNNING = AT_ENGINE | {State.SUBMITTING}
_WAITING = frozenset(State) - ENDED - _RUNNING
_BAD = frozenset({State.FAILED, State.LOST, State.REJECTED})
_COUNTED = (("running", _RUNNING), ("waiting", _WAITING), ("succeeded", {State.SUCCEEDED}), ("without a result", _BAD))
_BODY = """<h1>Now</h1>
<ul class="tiles">{tiles}</ul>
<h2>Running</h2>{running}
<h2>Waiting <small>in the order in which they came</small></h2>{waiting}
<h2>Ended <small>in the last seven days</small></h2>{ended}
<h2>Open studies <small>{open_reasons}</small></h2>{studies}"""
_CLOSE = '<a href="/studies/{project}/{study}/close">Close…</a>'
_HEADS = ("Handoff", "Project", "Pipeline", "Target", "State", "Asked")


@router.get("/")
def show_now(session: SessionDep, service: ServiceDep) -> Response:
    """Show what happens now, of the projects of whoever looks; the browser asks again by itself."""
    who = session.who
    with service.database.read() as database:
        counts = _counts(database, who)
        running, waiting = _handoffs(database, who, _RUNNING), _handoffs(database, who, _WAITING)
        ended = _ended(database, who)
        pipelines = _pipelines(database, [*running, *waiting, *ended])
        queue = places(database, service.settings, waiting, time.time())
        due = _due(database, [handoff.id for handoff in waiting])
        reasons = _reasons(database, who)
        studies = _open_studies(database, who)
    body = fill(
        _BODY,
        tiles=_tiles(counts, sum(reasons.values())),
        running=table(_HEADS, [_row(item, pipelines) for item in running], "Nothing runs."),
        waiting=table(
            (*_HEADS, "Place", "Next try"),
            [_row(item, pipelines, _place(queue.get(item.id)), _next_try(due.get(item.id))) for item in waiting],
            "Nothing waits.",
        ),
        ended=table(
            (*_HEADS, "Ended"), [_row(item, pipelines, moment(item.ended_at)) for item in ended], "Nothing ended."
        ),
        open_reasons=" · ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())),
        studies=table(
            ("Study", "Patient", "Project", "Waits for", *(("Last arrival", "") if who.sees_arrivals else ())),
            [_study(session, item) for item in studies],
            "None.",
        ),
    )
    return page("Now", body, session, refresh_seconds=_REFRESH_SECONDS)


def _counts(database: Session, who: Principal) -> dict[str, int]:
    chosen = select(Handoff.state, func.count()).where(who.within(Handoff.project)).group_by(Handoff.state)
    return {str(name): int(count) for name, count in database.execute(chosen)}


def _handoffs(database: Session, who: Principal, states: frozenset[State]) -> Sequence[Handoff]:
    chosen = select(Handoff).where(Handoff.state.in_(states), who.within(Handoff.project))
    return database.scalars(chosen.order_by(Handoff.created_at, Handoff.id).limit(_MOST)).all()


def _ended(database: Session, who: Principal) -> Sequence[Handoff]:
    lately: ColumnElement[bool] = Handoff.ended_at > time.time() - _LATELY_SECONDS  # what has not ended has none
    chosen = select(Handoff).where(lately, who.within(Handoff.project))
    return database.scalars(chosen.order_by(Handoff.ended_at.desc()).limit(_MOST)).all()


def _pipelines(database: Session, handoffs: Sequence[Handoff]) -> dict[str, str]:
    ids = {handoff.pipeline_id for handoff in handoffs}
    chosen = select(PipelineVersion.id, PipelineVersion.name).where(PipelineVersion.id.in_(ids))
    return {str(version): str(name) for version, name in database.execute(chosen)}


def _due(database: Session, handoffs: list[str]) -> dict[str, float]:
    chosen = select(OutboxRow.handoff_id, OutboxRow.due_at).where(OutboxRow.handoff_id.in_(handoffs))
    return {str(handoff): float(due) for handoff, due in database.execute(chosen)}


def _reasons(database: Session, who: Principal) -> dict[str, int]:
    """Why studies are open, and how many for each reason."""
    chosen = select(Study.waiting_for, func.count()).where(Study.state == "open", who.within(Study.project))
    return {str(why or "unknown"): int(count) for why, count in database.execute(chosen.group_by(Study.waiting_for))}


def _open_studies(database: Session, who: Principal) -> Sequence[Study]:
    chosen = select(Study).where(Study.state == "open", who.within(Study.project))
    return database.scalars(chosen.order_by(Study.id.desc()).limit(_MOST)).all()


def _tiles(counts: dict[str, int], open_studies: int) -> Html:
    shown = [(label, sum(counts.get(name, 0) for name in names)) for label, names in _COUNTED]
    return join(_tile(label, count) for label, count in (*shown, ("open studies", open_studies)))


def _tile(label: str, count: int) -> Html:
    tone = "alarm" if label == "without a result" and count else ""
    return fill('<li class="{tone}"><b>{count}</b>{label}</li>', tone=tone, count=f"{count:,}", label=label)


_WAITS_FOR: dict[WaitsFor, str] = {
    "turn": "",
    "gpu-quota": ", waits for GPUs of its project",
    "target-gone": ", waits for a target that is not set up any more",
}


def _place(place: Place | None) -> str:
    """Where it stands, and what keeps it there besides those before it."""
    if place is None:
        return "–"
    return f"{place.number}{_WAITS_FOR[place.waits_for]}"


def _next_try(due: float | None) -> Html | str:
    return "now" if due is not None and due <= time.time() else moment(due)


def _row(handoff: Handoff, pipelines: dict[str, str], *more: object) -> Html:
    link = '<a href="/handoffs/{id}">{kind}</a> {short}'
    return row(
        fill(link, id=handoff.id, kind=handoff.kind, short=short(handoff.id, 8)),
        handoff.project,
        pipelines.get(handoff.pipeline_id, ""),
        handoff.pool or handoff.target,
        state(handoff.state, handoff.reason),
        moment(handoff.created_at),
        *more,
    )


def _study(session: BrowserSession, study: Study) -> Html:
    """When something came of it, and how it may be closed, is for those who operate alone."""
    close = fill(_CLOSE, project=study.project, study=study.study_uid)
    operating = (moment(study.last_arrival_at), close) if session.who.sees_arrivals else ()
    return row(short(study.study_uid, 64), study.patient or "–", study.project, study.waiting_for or "–", *operating)
