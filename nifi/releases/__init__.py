"""A release: the committed flows, their parameters and the processors' NAR, brought to a NiFi as one thing.

In reading order:

- `flow`: the flows as they are committed, and the digest that names a release
- `release`: a release before it is deployed; `git`, `published`, `origin`: where it is read from
- `parameters`: what differs between two sites; `pin`: whom the flows take for the handoff
- `processor_types`: what flows may use, with relationships and properties
- `rules`, `lint`: what every flow must keep to
- `groups`: process groups on the canvas: make, import, replace, connect
- `context`: the parameters on the canvas
- `extensions`: the NAR in NiFi
- `rights`: what deploying needs on a secured NiFi
- `services`: enable and disable controller services
- `schedule`: start, stop, wait until valid, count what waits
- `bundles`: whether NiFi has what the flows are made of
- `compare`: what differs between two states of a flow
- `marks`: what a deployment leaves in the comments of its groups
- `history`, `edits`: what was changed by hand since, by whom and when
- `retire`: take away what a release does not have any more
- `deploy`: all of it, in order
- `normalise`, `save`: from the canvas back into the files
- `bucket`, `full_copy`, `publish`: releases in a NiFi Registry, whole
- `standing`, `status`: how a deployment is
- `commands`: `sluice flows`
"""
