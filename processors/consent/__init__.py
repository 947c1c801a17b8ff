"""Consent: whether a patient lets a project have their images. What nobody allowed waits, and nothing is guessed.

Reading order: `answer` (what may be said, and which word wins), `settings` (the part of sluice.yaml), `consent_list`
(the site's list), `command_hook` and `http_hook` (the hospital's own system), `ask` (all of them as one answer),
`commands`, `errors`.
"""

from processors.consent.answer import Answer

__all__ = ["Answer"]
