"""The HTTP API: one router per noun; each route translates, the noun's package decides.

- `dependencies`: what routes ask for: the service, a token, a page.
- `problems`: every error as problem details (RFC 9457), without content of the request.
- `bugs`: what nobody foresaw is a problem too.
- `body`: streams a body into the store, within its limit.
- `limit`: the most that a body may have which is read whole.
- `record`: one log line per request, and the counters behind /metrics.
- `shipments`, `evidence`, `labels`, `studies`, `batches`, `pipelines`, `handoffs`, `results`, `objects`, `models`,
  `trace`, `health`.
- `login`, `pages`: the same for people at a browser.
- `openapi`: writes `openapi.json`.
"""
