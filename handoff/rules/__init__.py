"""Rules: what a project decides by itself. Settings say them; each occasion becomes one firing, whatever crashes.

- `cron`: times by the clock, in a zone.
- `rule`: a rule as handoff.yaml writes it.
- `check`: what makes a rule one that can never start a run.
- `occasions`: what happened that a rule may act on, written down in the transaction of what happened.
- `states`: the states of a firing, as data.
- `times`: times of schedules become occasions, however the clock jumps.
- `signals`: what somebody outside noticed, and which rules that concerns.
- `measured`: figures of evaluations become signals.
- `select`: whether a study is one that a rule means, and the batch that a firing means.
- `count`: counts studies until there are as many as a rule waits for.
- `fire`: takes one firing a step further.
- `keeper`: the loop over schedules and due firings.
- `show`: rules and firings as the API shows them: when each last fired, and why not.
"""
