"""One id, joined from both zones: where it came from and what came of it.

Reading order: `line` (things and what became what), `trusted` (ledger and vault), `research` (the handoff), `join`
(both together), `tree` (the same for people).
"""
