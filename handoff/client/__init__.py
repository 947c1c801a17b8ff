"""A typed client of the handoff, for programs, people at a prompt, and tests; a module for each noun of the API.

```
with HandoffClient.of_home("http://127.0.0.1:8080", Path(".sluice")) as handoff:
    batch = handoff.form_batch(BatchRequest(project="lungs", select="annotated"))
    prepare = handoff.wait(handoff.hand_off(kind="prepare", batch=batch.id, pipeline="prepare").id)
```

- `errors`: what a call may raise.
- `connection`: one call, and every page of a list; `place`: the path of a thing, with its id quoted.
- `arrivals`: deliver packages, evidence and labels; list what came, and the studies that it makes.
- `batches`, `pull`: form and show batches, and bring one to this machine.
- `pipelines`: register compiled pipelines.
- `handoffs`, `server_sent`: decide, follow, end.
- `results`: what runs left, model versions, and the line of an id.
- `models`: aliases and promotions, and lineage beyond one trace.
- `site`: projects, and the targets that run things.
- `rules`: what projects decide by themselves, signals, and one study with its evidence.
- `withdrawals`: what may never be used again.
- `access`: tokens, and the record of changes.
- `client`: all of it as one class.
"""

from handoff.client.client import HandoffClient
from handoff.client.errors import DigestError, ProblemError, UnreachableError

__all__ = ["DigestError", "HandoffClient", "ProblemError", "UnreachableError"]
