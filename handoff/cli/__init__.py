"""The commands for people who work with the handoff: each calls it by `handoff.client`, wherever it runs.

- `connection`: whom a command asks, and with which token.
- `table`: what a command says: a table that fits the terminal, or JSON.
- `identifiers`: the first letters of an id instead of all.
- `parameters`: NAME=VALUE by the pipeline's types.
- `follow`: a handoff to its end, event by event.
- `projects`, `studies`, `batches`, `pipelines`, `targets`, `handoffs`, `rules`, `models`,
  `withdrawals`: a group for each noun.
- `pull`: a batch to this machine.
- `tokens`, `token_desk`: make and end tokens, on a home or at a service.
- `audit`: who changed what.
"""
