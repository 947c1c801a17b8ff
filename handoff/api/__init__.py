"""The HTTP API: one router per noun; each route translates, the noun's package decides.

- `dependencies`: what routes ask for: the service, a token, a page.
- `problems`: every error as problem details (RFC 9457), without content of the request.
- `bugs`: what nobody foresaw is a problem too.
- `body`: streams a body into the store, within its limit; a large one past the event loop (`handoff.bulk`).
- `limit`, `pace`: how much a body may have which is read whole, and how long any may take.
- `gate`, `acts`: who asks, before a body is read; each change and refusal written down before its answer leaves.
- `routes`, `record`: which route a request is for; one log line per request, and the counters behind /metrics.
- `security_headers`: what each answer tells a browser.
- `idempotency`, `kept_answers`: the same POST again gets the first answer.
- `accepting`: a decision that is POSTed, by a short way.
- `seen`, `prefix`, `cursor`, `ranges`, `streams`: what of others is not there, ids by their first letters, pages of
  lists, parts of files, answers that go on.
- `shipments`, `evidence`, `labels`, `studies`, `projects`: what came in.
- `batches`, `batch_content`, `pipelines`, `targets`, `handoffs`, `events`, `logs`, `artifacts`, `runs`: what runs.
- `results`, `objects`, `models`, `promotions`, `rules`, `trace`, `withdrawals`: what came of it.
- `tokens`, `audit`, `health`: who may, who did, and whether all works.
- `login`, `pages`: the same for people at a browser.
- `openapi`, `guide`: write `openapi.json` and the table of `docs/api.md`.
"""
