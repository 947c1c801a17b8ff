"""The fast network engine: DICOM's upper layer as an acceptor, without a copy and without a poll.

Read in this order: `pdu` (the units and how long each may be), `states` (what each means when: PS3.8 9.2), `wire` (a
connection and its one buffer), `buffers` (used again), `pdv` (fragments, parsed where they lie), `command` and
`answers` (requests in, responses out), `messages` (fragments become requests, data sets go straight to the receiver),
`gathering` (data sets that are no objects, until they are whole), `request_shape` (what cannot be a request is not
read), `negotiate` (the one part that pynetdicom does), `association` (all that for one connection), `engine` (many of
them). Errors are in `errors`.
"""
