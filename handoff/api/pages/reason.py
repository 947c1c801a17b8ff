"""Why a person does something that must be explained later: asked for beside the button, kept with the change."""

from handoff.api.pages.html import Html
from handoff.errors import RefusedError

LONGEST = 256
FIELD = Html(f'<input name="reason" required maxlength="{LONGEST}" placeholder="Why?" aria-label="Reason">')


def reason_of(form: dict[str, str]) -> str:
    """The reason in a form.

    Raises:
        RefusedError: there is none, or none that fits in a line.
    """
    reason = form.get("reason", "").strip()
    if not reason or len(reason) > LONGEST or not reason.isprintable():
        remedy = f"Write why, in one line of at most {LONGEST} letters, and nothing of a patient."
        raise RefusedError("A reason is needed.", code="reason", remedy=remedy)
    return reason
