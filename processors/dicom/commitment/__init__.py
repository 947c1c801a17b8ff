"""Storage commitment as provider, the push model (PS3.4 annex J): who asks whether we keep it gets a true answer.

Read in this order: `request` (an N-ACTION, read), `service` (takes it: durable before it is answered), `judge` (whether
each instance is kept, and why not), `report` (the N-EVENT-REPORT), `reporter` (judges and reports until the requester
has heard, across restarts), `commands`. Errors are in `errors`.
"""
