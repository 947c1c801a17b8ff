"""DICOM as it comes in: negotiate, take the bytes, look at the header once, answer. And as it goes out to a peer.

Read in this order: `engine` (what a network engine and the receiver promise each other), `listening` (a port and its
connections) and `threads` (that wait for them), `fast` (the engine with a data path of our own), `pynetdicom_engine`
(the reference for it), `storage_scp` (one C-STORE from the first byte to Success), `status` (every answer and its
reason code), `sop_class` (what is storage), `header_scan` (identifiers and facts of a data set), `part_file` and
`relay` (written and hashed beside reading), `elements` and `inflate` (walk the elements of an encoded data set while it
comes), `part10` (preamble and file meta), `receiver` (the whole process), `event_log` (what it says), `silence`
(libraries that would log values), `account` (what became of the objects of an association), `metrics`, `peer_metrics`
and `management` (what is counted, and where that is asked), `garbage` (what Python's collector looks at), `commands`.
Beside C-STORE: `services` (what is asked of us, and how to add more), `items` (what a request names, read safely),
`commitment` (storage commitment), `performed_step` (what modalities say that they made), `upload` (objects by HTTP).
Inside NiFi: `embedded` (the receiver as a child that ends with its parent).
Who may come in: `admission` (what an engine asks), `rejections` (which A-ASSOCIATE-RJ a no is), `allowance` (how
much), `peers_policy` and `peers_watch` (the peers file as the answer), `pynetdicom_negotiation`, `tls`, `gate` (all of
that together), `ports` (with TLS and without), `admitted` (an association as its admission allows it), `causes` (why
there was none, in words), `trouble_book` (where that is written), `silence_watch` (who should have called).
When there is too much: `pace` (how slow a peer may be), `watchman` (sees to it for pynetdicom), `pressure` and
`resources` (what the receiver runs short of, and what it answers then), `congestion` (whom it rejects then),
`day_count` (what a peer sent before we began).
Outwards: `associate` (an association, or why there is none), `calling_tls` (by TLS), `checkpoint` (a race of
pynetdicom's, closed), `storage_scu` (files as they are), `peer_check` (both ways), `upload_check` (uploads and tokens),
`peer_finding` (one thing that was looked at), `peer_commands`. Errors are in `errors`.
"""
