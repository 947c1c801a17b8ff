"""Handoffs: a decision becomes exactly one run.

- `state`: the states and which may follow which, as data.
- `states`: goes from one to the next, and writes the event.
- `accept`: checks a request, names it by its content, writes handoff and outbox row in one transaction.
- `outbox`: leases: which worker has a row, and until when.
- `order`: what an accepted handoff asks of an engine, checked again from the store.
- `submit`: brings one outbox row to the engine, once.
- `watch`: follows a run to its end.
- `cancel`: a person's word.
- `show`: a handoff as the API shows it.
- `worker`: the loop over `submit` and `watch`.
"""
