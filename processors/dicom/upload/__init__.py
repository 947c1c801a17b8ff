"""Uploads by HTTP: STOW-RS (PS3.18 10.5) and single Part 10 files, for senders that have no DIMSE.

Each request is one association to the receiver, so that landing, ledger, limits and answers are those of a C-STORE.
Nothing of a body is gathered: it goes through the connection's one buffer into part files.

Read in this order: `fields` (header fields, of requests and of parts), `head` (request line and fields: RFC 9112),
`patience` (how long a sender may take), `body` (lengths and chunks), `multipart` (RFC 2046, cut anywhere), `file_meta`
(what precedes the data set in a Part 10 file: PS3.10 7.1), `order` (what a request wants), `instance` (one file on its
way in), `outcome` (what became of each, and the answer: PS3.18 10.5.3), `request` (all that for one request),
`connection` (one after another), `engine` (many of them), `ports` (beside DICOM's). Errors are in `errors`.
"""
