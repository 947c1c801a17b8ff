"""DICOM as it comes in: negotiate, take the bytes, look at the header once, answer.

Read in this order: `engine` (what a network engine and the receiver promise each other), `pynetdicom_engine` (the
engine of today), `storage_scp` (one C-STORE from the first byte to Success), `status` (every answer and its reason
code), `sop_class` (what is storage), `header_scan` (identifiers and facts of a data set), `elements` (walk the elements
of an encoded data set), `part10` (preamble and file meta), `receiver` (the whole process), `event_log` (what it says),
`silence` (libraries that would log values), `commands`. Errors are in `errors`.
"""
