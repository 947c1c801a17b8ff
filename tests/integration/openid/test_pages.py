"""The pages: what they show, to whom, and that nothing on them runs."""

import hashlib
import re
import time

import pytest
from sqlalchemy import delete, select

from handoff.database.tables import (
    AuditRecord,
    Batch,
    Copy,
    Event,
    Handoff,
    ModelVersion,
    OutboxRow,
    ResultFileRow,
    Study,
    Token,
)
from tests.integration.openid.site import HANDOFF, OTHERS
from tests.unit.handoff.rows import add_handoff

pytestmark = pytest.mark.integration
PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 64
DRAWING = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
ATTACK = "\"'><script>alert(1)</script>"


@pytest.fixture
def admin(site, browser):
    browser.sign_in(site.admin_token)
    return browser


@pytest.fixture
def alice(browser, provider):
    """An ml-engineer of lungs."""
    browser.sign_in_at(provider, "alice")
    return browser


@pytest.fixture
def alice_browser(site, provider):
    with site.browser() as browser:
        browser.sign_in_at(provider, "alice")
        yield browser


@pytest.fixture(scope="module")
def result(site):
    """A handoff that left a picture, a drawing and a table."""
    files = {"report/curve.png": ("image/png", PICTURE), "report/a.svg": ("image/svg+xml", DRAWING)}
    files["report/table.html"] = ("text/html", b"<script>alert(1)</script>")
    with site.service.database.write() as session:
        for path, (media_type, content) in files.items():
            folder = site.service.store.result("k" * 64).local(".")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
            facts = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "role": "report"}
            session.add(ResultFileRow(handoff_id=HANDOFF, path=path, media_type=media_type, **facts))
    return f"/handoffs/{HANDOFF}"


def test_who_fetches_a_file_by_a_page_is_written_down_and_gets_nothing_that_was_withdrawn(site, alice, result):
    table = f"{result}/files/report/table.html"
    assert alice.get(table).status_code == 200
    with site.service.database.read() as session:
        holders = session.scalars(select(Copy.holder).where(Copy.kind == "download", Copy.handoff_id == HANDOFF)).all()
    assert [holder.partition(":")[0] for holder in holders] == ["openid"]
    with site.service.database.write() as session:
        session.get_one(Batch, "b").withdrawn_by = "9" * 32
    try:
        assert alice.get(table).status_code == 410
        assert alice.get(result).status_code == 200
    finally:
        with site.service.database.write() as session:
            session.get_one(Batch, "b").withdrawn_by = None


@pytest.fixture
def measured(site):
    """The handoff made a model; one run of its project measured that, and one of another project."""
    facts = {"kind": "evaluate", "state": "SUCCEEDED", "model_id": "unet:1", "ended_at": 1.0}
    runs = {"1" * 32: ("lungs", {"dice_test": 0.8125}), "2" * 32: ("hearts", {"dice_test": 0.4375})}
    with site.service.database.write() as session:
        named = {"name": "unet", "version": 1, "project": "lungs", "spec_digest": "5" * 64, "path": "m.pt"}
        session.add(ModelVersion(id="unet:1", handoff_id=HANDOFF, metrics={}, created_at=0.0, **named))
        for name, (project, metrics) in runs.items():
            add_handoff(session, id=name, key=name * 2, project=project, metrics=metrics, **facts)
    yield
    with site.service.database.write() as session:
        session.execute(delete(Handoff).where(Handoff.id.in_(runs)))
        session.execute(delete(ModelVersion).where(ModelVersion.id == "unet:1"))


def test_who_made_a_model_shows_what_was_measured_of_it_in_projects_that_one_sees(measured, alice, result):
    page = alice.get(result).text
    assert f'<a href="/handoffs/{"1" * 32}">' in page
    assert "dice_test 0.8125" in page
    assert "0.4375" not in page


def test_the_first_page_shows_what_runs_waits_and_is_open(site, admin):
    with site.service.database.write() as session:
        known = {"study_uid": "2.25.1", "project": "lungs", "patient": "P1", "state": "open"}
        session.add(Study(**known, waiting_for="shipments-missing", last_arrival_at=time.time() - 70))
    page = admin.get("/").text
    assert f'href="/handoffs/{HANDOFF}"' in page
    assert "RUNNING" in page
    assert "1 shipments-missing" in page
    assert "1 min ago" in page


def test_when_something_came_is_told_to_those_alone_who_operate(site, admin, alice_browser):
    """Who knew would know by how many days dates were moved."""
    with site.service.database.write() as session:
        known = {"study_uid": "2.25.9", "project": "lungs", "patient": "P9", "state": "open", "waiting_for": "held"}
        session.add(Study(**known, last_arrival_at=1234567890.0))
    assert "2009-02-13" in admin.get("/").text
    page = alice_browser.get("/").text
    assert "2.25.9" in page
    assert "2009-02-13" not in page
    assert "Last arrival" not in page


def test_whoever_is_limited_to_a_project_sees_no_other(alice):
    page = alice.get("/").text
    assert HANDOFF in page
    assert OTHERS not in page
    assert "brains" not in page
    assert alice.get(f"/handoffs/{OTHERS}").status_code == 404
    assert alice.get(f"/handoffs/{OTHERS}/files/report/curve.png").status_code == 404
    assert alice.post(f"/handoffs/{OTHERS}/cancel", data=alice.form("/")).status_code == 404


def test_a_page_that_is_not_over_asks_again_by_itself(site, admin):
    assert admin.get(f"/handoffs/{HANDOFF}").headers["refresh"] == "10"
    site.state(HANDOFF, state="SUCCEEDED")
    assert "refresh" not in admin.get(f"/handoffs/{HANDOFF}").headers
    site.state(HANDOFF, state="RUNNING")


@pytest.mark.parametrize("path", ["/", f"/handoffs/{HANDOFF}", "/tokens", "/nowhere-else"])
def test_nothing_comes_from_elsewhere_and_nothing_runs(admin, path):
    answer = admin.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script|\son[a-z]+=|style=|javascript:", answer.text)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)


def test_text_of_runs_and_people_is_text(site, admin):
    """Names, reasons, references, parameters and metrics come from pipelines and providers."""
    changed = {"reference": ATTACK, "parameters": {ATTACK: ATTACK}, "metrics": {ATTACK: 0.5}, "asked_by": ATTACK}
    site.state(HANDOFF, **changed, rerun_reason=ATTACK, model_id=ATTACK, reason=ATTACK)
    with site.service.database.write() as session:
        session.add(Event(handoff_id=HANDOFF, at=0.0, event="x<i>", reason=ATTACK))
    for page in ("/", f"/handoffs/{HANDOFF}"):
        text = admin.get(page).text
        assert "&lt;script&gt;" in text
        assert "<script" not in text
        assert "<i>" not in text
    cleared = dict.fromkeys(("reference", "asked_by", "rerun_reason", "model_id", "reason"))
    site.state(HANDOFF, **cleared, parameters={}, metrics={})


def test_a_name_of_the_provider_is_text(site, provider):
    provider.user("<script>alert(1)<slash>".replace("<slash>", ""), groups=["imaging"])
    with site.browser() as browser:
        browser.sign_in_at(provider, "<script>alert(1)")
        text = browser.get("/").text
    assert "openid:&lt;script&gt;" in text
    assert "<script" not in text


def test_a_picture_is_seen_and_anything_else_is_kept(admin, result):
    page = admin.get(result).text
    assert f'<img src="{result}/files/report/curve.png"' in page
    assert 'src="' + result + '/files/report/a.svg"' not in page
    seen = admin.get(f"{result}/files/report/curve.png")
    assert (seen.headers["content-type"], seen.content) == ("image/png", PICTURE)
    for name in ("a.svg", "table.html"):
        kept = admin.get(f"{result}/files/report/{name}")
        assert kept.headers["content-type"] == "application/octet-stream"
        assert kept.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in kept.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["report/other.png", "..%2f..%2fhandoff.db", "%2e%2e/%2e%2e/token", "/etc/passwd", "a%00b"]
)
def test_only_files_of_the_result_are_given(admin, result, path):
    assert admin.get(f"{result}/files/{path}").status_code == 404


def test_a_handoff_is_cancelled_by_its_button(site, admin, result):
    answer = admin.post(f"{result}/cancel", data=admin.form(result))
    assert answer.headers["location"] == result
    assert "Its end was asked for" in admin.get(result).text
    with site.service.database.read() as session:
        noted = session.scalars(select(AuditRecord).order_by(AuditRecord.id.desc()).limit(1)).one()
    assert (noted.principal, noted.action, noted.subject) == ("home", "cancel_by_page", HANDOFF)
    site.state(HANDOFF, cancel_asked=False)


def test_a_dead_letter_is_sent_again_by_its_button(site, admin, result):
    site.state(HANDOFF, state="FAILED", reason="target-down")
    assert "Send again" in admin.get(result).text
    assert admin.post(f"{result}/retry", data=admin.form(result)).headers["location"] == result
    assert "ACCEPTED" in admin.get(result).text
    assert ">1</td>" in admin.get("/").text.split("<h2>Waiting")[1]
    with site.service.database.write() as session:
        session.execute(delete(OutboxRow))
    site.state(HANDOFF, state="RUNNING", reason=None)


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 257], ids=repr)
def test_a_rerun_needs_a_reason(site, admin, result, reason):
    site.state(HANDOFF, state="CANCELED")
    answer = admin.post(f"{result}/rerun", data=admin.form(result, reason=reason))
    assert (answer.status_code, "A reason is needed" in answer.text) == (422, True)
    site.state(HANDOFF, state="RUNNING")


def test_an_open_study_is_closed_by_an_operators_word(site, admin, alice_browser):
    with site.service.database.write() as session:
        study = Study(study_uid="2.25.7", project="lungs", state="open", waiting_for="held", last_arrival_at=0.0)
        session.add(study)
    path = "/studies/lungs/2.25.7/close"
    assert f'href="{path}"' in admin.get("/").text
    assert f'href="{path}"' not in alice_browser.get("/").text
    assert "Waits for" in admin.get(path).text
    assert "refresh" not in admin.get(path).headers
    assert alice_browser.get(path).status_code == 403
    refused = alice_browser.post(path, data=alice_browser.form("/", reason="I want it"))
    assert refused.status_code == 403
    assert admin.post(path, data=admin.form("/", reason=" ")).status_code == 422
    empty = admin.post(path, data=admin.form(path, reason="the scanner broke"))
    assert (empty.status_code, "study-empty" in empty.text) == (422, True)
    assert admin.post("/studies/brains/2.25.7/close", data=admin.form("/", reason="r")).status_code == 404
    assert admin.get("/studies/brains/2.25.7/close").status_code == 404


def test_whoever_may_not_cancel_has_no_button_and_is_refused(site, browser, admin):
    admin.post("/tokens", data=admin.form("/tokens", name="looker", role="auditor", projects="", days="1"))
    token = made(admin, "looker2", "auditor")
    with site.browser() as auditor:
        auditor.sign_in(token)
        page = auditor.get(f"/handoffs/{HANDOFF}").text
        assert "/cancel" not in page
        csrf = auditor.form("/")
        assert auditor.post(f"/handoffs/{HANDOFF}/cancel", data=csrf).status_code == 403
        assert "/tokens" not in auditor.get("/").text
        assert auditor.get("/tokens").status_code == 403
        assert auditor.post("/tokens", data={**csrf, "name": "x", "role": "admin"}).status_code == 403


def made(admin, name: str, role: str) -> str:
    """A token that was made on the page, as the page shows it."""
    answer = admin.post("/tokens", data=admin.form("/tokens", name=name, role=role, projects="", days="1"))
    return re.search(r"<p><code>([^<]+)</code></p>", answer.text).group(1)


def test_a_token_is_shown_once_and_works_until_it_is_revoked(site, admin):
    token = made(admin, "laptop", "ml-engineer")
    assert token not in admin.get("/tokens").text
    assert admin.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).json()["name"] == "laptop"
    with site.service.database.read() as session:
        token_id = session.scalars(select(Token.id).where(Token.name == "laptop")).one()
        noted = session.scalars(select(AuditRecord.subject).where(AuditRecord.action == "make_by_page")).all()
    assert token_id in noted
    rotated = admin.post(f"/tokens/{token_id}/rotate", data=admin.form("/tokens"))
    assert "<code>" in rotated.text
    assert token not in rotated.text
    assert admin.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert admin.post(f"/tokens/{token_id}/revoke", data=admin.form("/tokens")).headers["location"] == "/tokens"
    assert admin.get("/tokens").text.count("Rotate") == rotated.text.count("Rotate") - 1


UNFIT = [
    {"name": "Not A Name"},
    {"role": "run"},
    {"role": "superuser"},
    {"projects": "Lungs!"},
    {"days": "0"},
    {"days": "soon"},
    {"days": "99999"},
    {"name": "intake"},
]


@pytest.mark.parametrize("changed", UNFIT, ids=str)
def test_a_token_that_cannot_be_is_refused_as_a_page(admin, changed):
    fields = {"name": "new", "role": "auditor", "projects": "", "days": "1", **changed}
    answer = admin.post("/tokens", data=admin.form("/tokens", **fields))
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")


def test_the_stylesheet_is_sent_once(browser):
    sheet = browser.get("/style.css")
    assert sheet.headers["content-type"].startswith("text/css")
    assert browser.get("/style.css", headers={"If-None-Match": sheet.headers["etag"]}).status_code == 304
    assert "http" not in sheet.text


@pytest.mark.parametrize("path", ["/handoffs/x", "/handoffs/" + "0" * 32, "/handoffs/%3Cscript%3E"])
def test_a_page_that_is_not_there_is_a_page_that_says_so(admin, path):
    answer = admin.get(path)
    assert (answer.status_code, answer.headers["content-type"].startswith("text/html")) == (404, True)
