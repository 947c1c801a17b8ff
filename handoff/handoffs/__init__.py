"""Handoffs: a decision becomes exactly one run.

- `state`: the states and which may follow which, as data.
- `states`: goes from one to the next, and writes the event.
- `decide`: checks a request, and names it by its content.
- `accept`: writes handoff and outbox row in one transaction, once for each key.
- `shares`: what projects use of the targets, and their quotas.
- `queue`: what a target takes next, and in which order.
- `lease`: which rows of the outbox are due, and not leased, whatever the clock does.
- `outbox`: leases: which worker has a row, and until when.
- `position`: where in its queue a handoff stands.
- `order`: what an accepted handoff asks of an engine, checked again from the store.
- `submit`: brings one outbox row to the engine, once.
- `watch`: follows a run to its end; `ending`: what is told of it then.
- `sweep`: ends what an engine started twice.
- `gone`: ends runs whose target is in no handoff.yaml any more.
- `cancel`, `retry`, `rerun`: a person's words.
- `show`: handoffs as the API shows them.
- `left`, `tail`: what runs left besides their results, and how it is read.
- `hold`, `leave_pools`, `worker`: the loop over `submit` and `watch`, of one worker for each target.
"""
