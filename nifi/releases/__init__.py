"""A release: the committed flows, their parameters and the processors' NAR, brought to a NiFi as one thing.

In reading order:

- `flow`: the flows as they are committed, and the digest that names a release
- `parameters`: what differs between two sites
- `processor_types`: what flows may use, with relationships and properties
- `rules`, `lint`: what every flow must keep to
- `groups`: process groups on the canvas: make, import, replace, connect
- `context`: the parameters on the canvas
- `extensions`: the NAR in NiFi
- `schedule`: start, stop, wait until valid, count what waits
- `deploy`: all of it, in order
- `status`: how a deployment is
- `compare`: what on the canvas differs from the release
"""
