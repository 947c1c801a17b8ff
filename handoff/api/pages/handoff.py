"""One handoff: what was decided, how it goes, what it left, and what it printed."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.access.sessions import BrowserSession
from handoff.api.dependencies import ServiceDep
from handoff.api.pages.browser import CheckedFormDep, SessionDep, require
from handoff.api.pages.frame import button, facts, page, row, table
from handoff.api.pages.html import NOTHING, Html, fill, join
from handoff.api.pages.log import end_of_log
from handoff.api.pages.reason import FIELD, reason_of
from handoff.api.pages.route import go, page_router
from handoff.api.pages.words import clock, moment, short, size, state
from handoff.api.results import note_result_download, stored_file
from handoff.api.seen import HandoffId, require_seen, seen
from handoff.contract.identifiers import RelativePath
from handoff.database.tables import Event, Handoff, ModelVersion, PipelineVersion, ResultFileRow
from handoff.errors import NotFoundError
from handoff.handoffs.accept import HandoffAcceptance
from handoff.handoffs.cancel import cancel
from handoff.handoffs.rerun import rerun
from handoff.handoffs.retry import is_dead_letter, retry
from handoff.handoffs.states import ENDED, State
from handoff.models.evaluations import evaluated

router = page_router()
_REFRESH_SECONDS = 10
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What browsers show and nothing runs in; a drawing (SVG) may hold a script."""
_MOST_FILES = 200
_MOST_EVALUATIONS = 20
_BODY = """<h1>{kind} <small>{project}</small> {state}</h1>
{actions}
{facts}
<h2>Progress</h2><ol class="steps">{steps}</ol>
{metrics}{later}{pictures}{files}
<h2>Log <small>its last lines</small></h2>{log}"""
_PICTURE = """<figure><a href="{url}"><img src="{url}" alt="{path}" loading="lazy"></a>
<figcaption>{path}</figcaption></figure>"""


@router.get("/handoffs/{handoff_id}")
def show_handoff_page(handoff_id: HandoffId, session: SessionDep, service: ServiceDep) -> Response:
    """Show one handoff; while it is not over, the browser asks again by itself."""
    with service.database.read() as database:
        handoff = seen(database, session.who, handoff_id)
        pipeline = database.get_one(PipelineVersion, handoff.pipeline_id)
        made = database.scalar(select(ModelVersion.id).where(ModelVersion.handoff_id == handoff.id))
        events = database.scalars(select(Event).where(Event.handoff_id == handoff.id).order_by(Event.id)).all()
        chosen = select(ResultFileRow).where(ResultFileRow.handoff_id == handoff.id).order_by(ResultFileRow.path)
        files = database.scalars(chosen.limit(_MOST_FILES)).all()
        later = [] if made is None else _measured(database, session, made)
    body = fill(
        _BODY,
        kind=handoff.kind,
        project=handoff.project,
        state=state(handoff.state, handoff.reason),
        actions=_actions(session, handoff),
        facts=_facts(handoff, pipeline, made),
        steps=join(_step(event) for event in events),
        metrics=_metrics(handoff.metrics),
        later=_evaluations(later),
        pictures=_pictures(handoff.id, [file.path for file in files if file.media_type in _PICTURES]),
        files=_files(handoff.id, files),
        log=_log(end_of_log(service, handoff)),
    )
    over = State(handoff.state) in ENDED
    return page(f"{handoff.kind} {handoff.id[:8]}", body, session, refresh_seconds=None if over else _REFRESH_SECONDS)


@router.get("/handoffs/{handoff_id}/files/{path:path}")
def get_picture_or_file(
    handoff_id: HandoffId, path: Annotated[RelativePath, Path()], session: SessionDep, service: ServiceDep
) -> Response:
    """Give a file of the result: a picture to be seen, anything else to be kept, nothing to be run."""
    with service.database.read() as database:
        handoff = seen(database, session.who, handoff_id)
        file = database.get(ResultFileRow, (handoff_id, path))
    if file is None:
        raise NotFoundError
    note_result_download(service, session.who, handoff, file)
    shown = file.media_type in _PICTURES
    media_type = file.media_type if shown else "application/octet-stream"
    response = stored_file(service.store.result(handoff.key), file.path, media_type, file.sha256)
    if not shown:
        name = quote(file.path.rpartition("/")[2])
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return response


@router.post("/handoffs/{handoff_id}/cancel")
def cancel_by_page(handoff_id: HandoffId, _form: CheckedFormDep, session: SessionDep, service: ServiceDep) -> Response:
    """Ask for the end of a handoff."""
    require(session, "steer")
    require_seen(service, session.who, handoff_id)
    cancel(service.database, handoff_id)
    return go(f"/handoffs/{handoff_id}")


@router.post("/handoffs/{handoff_id}/retry")
def retry_by_page(handoff_id: HandoffId, _form: CheckedFormDep, session: SessionDep, service: ServiceDep) -> Response:
    """Send a dead letter again."""
    require(session, "steer")
    require_seen(service, session.who, handoff_id)
    retry(service.database, handoff_id)
    return go(f"/handoffs/{handoff_id}")


@router.post("/handoffs/{handoff_id}/rerun")
def rerun_by_page(handoff_id: HandoffId, form: CheckedFormDep, session: SessionDep, service: ServiceDep) -> Response:
    """Let an ended handoff run once more, as a new one with a reason."""
    require(session, "decide")
    reason = reason_of(form)
    require_seen(service, session.who, handoff_id)
    made = rerun(HandoffAcceptance(service.database, service.settings), handoff_id, reason, session.who.name)
    return go(f"/handoffs/{made.id}")


def _actions(session: BrowserSession, handoff: Handoff) -> Html:
    """What may be done about it now, by whoever looks."""
    over, here = State(handoff.state) in ENDED, f"/handoffs/{handoff.id}"
    shown: list[Html] = []
    if session.who.may("steer"):
        if not over and handoff.cancel_asked:
            shown.append(Html("<small>Its end was asked for.</small>"))
        elif not over:
            shown.append(button(f"{here}/cancel", "Cancel", session.csrf, tone="danger"))
        elif is_dead_letter(handoff):
            shown.append(button(f"{here}/retry", "Send again", session.csrf))
    if over and session.who.may("decide"):
        shown.append(button(f"{here}/rerun", "Run once more", session.csrf, tone="quiet", fields=FIELD))
    return fill('<div class="actions">{shown}</div>', shown=join(shown)) if shown else NOTHING


def _facts(handoff: Handoff, pipeline: PipelineVersion, made: str | None) -> Html:
    return facts(
        {
            "Batch": short(handoff.batch_id, 16),
            "Pipeline": fill("{name} {version}", name=pipeline.name, version=short(pipeline.id)),
            "Target": handoff.target if handoff.pool is None else f"{handoff.target} of {handoff.pool}",
            "Model used": handoff.model_id,
            "Model made": made,
            "Asked": moment(handoff.created_at),
            "Asked by": handoff.asked_by,
            "Ended": moment(handoff.ended_at) if handoff.ended_at else None,
            "Sent": f"{handoff.attempts} times" if handoff.attempts > 1 else None,
            "Run": handoff.reference,
            "Again after": _link(handoff.rerun_of),
            "Because": handoff.rerun_reason,
            "Prepared by": _link(handoff.prepared_by),
            "GPUs": str(handoff.gpus) if handoff.gpus else None,
            "Key": short(handoff.key, 16),
            **{f"Parameter {name}": str(value)[:200] for name, value in sorted(handoff.parameters.items())},
        }
    )


def _link(handoff_id: str | None) -> Html | None:
    return (
        None if not handoff_id else fill('<a href="/handoffs/{id}">{short}</a>', id=handoff_id, short=short(handoff_id))
    )


def _step(event: Event) -> Html:
    tones = {State.SUCCEEDED: "good", State.RUNNING: "busy", State.SUBMITTED: "busy"}
    bad = event.event in {State.FAILED, State.LOST, State.REJECTED}
    tone = "bad" if bad else tones.get(event.event, "")  # type: ignore[call-overload]
    why = fill(' <span class="dim">{reason}</span>', reason=event.reason) if event.reason else NOTHING
    step = '<li class="{tone}"><strong>{event}</strong>{why} <small>{at} UTC</small></li>'
    return fill(step, tone=tone, event=event.event, why=why, at=clock(event.at))


def _metrics(metrics: dict[str, float]) -> Html:
    if not metrics:
        return NOTHING
    return fill("<h2>Metrics</h2>{all}", all=facts({name: f"{value:.6g}" for name, value in sorted(metrics.items())}))


def _measured(database: Session, session: BrowserSession, model: str) -> Sequence[Handoff]:
    """The newest evaluations of a model version, of projects that one sees."""
    chosen = select(Handoff).where(*evaluated(), Handoff.model_id == model, session.who.within(Handoff.project))
    return database.scalars(chosen.order_by(Handoff.created_at.desc()).limit(_MOST_EVALUATIONS)).all()


def _evaluations(measured: Sequence[Handoff]) -> Html:
    if not measured:
        return NOTHING
    rows = [
        row(
            _link(one.id) or NOTHING,
            short(one.batch_id),
            ", ".join(f"{name} {value:.4g}" for name, value in sorted(one.metrics.items())),
            moment(one.ended_at),
        )
        for one in measured
    ]
    shown = table(("Run", "Batch", "Measured", "When"), rows, "")
    return fill("<h2>Evaluations <small>of the model that it made</small></h2>{shown}", shown=shown)


def _pictures(handoff_id: str, paths: list[str]) -> Html:
    if not paths:
        return NOTHING
    shown = (fill(_PICTURE, url=_url(handoff_id, path), path=path) for path in paths)
    return fill('<h2>Pictures</h2><div class="pictures">{shown}</div>', shown=join(shown))


def _files(handoff_id: str, files: object) -> Html:
    rows = [
        row(
            fill('<a href="{url}">{path}</a>', url=_url(handoff_id, file.path), path=file.path),
            file.role,
            size(file.size),
            short(file.sha256, 12),
        )
        for file in files  # type: ignore[attr-defined]
    ]
    if not rows:
        return NOTHING
    shown = table(("File", "Role", "Size", "SHA-256"), rows, "")
    return fill("<h2>Result <small>every digest was read again</small></h2>{shown}", shown=shown)


def _url(handoff_id: str, path: str) -> str:
    return f"/handoffs/{handoff_id}/files/{quote(path)}"


def _log(lines: str | None) -> Html:
    if not lines:
        return Html('<p class="empty">Nothing was printed yet.</p>')
    return fill("<pre>{lines}</pre>", lines=lines)
