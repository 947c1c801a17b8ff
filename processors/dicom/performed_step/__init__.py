"""Modality Performed Procedure Step as provider (PS3.4 F.7): steps are made, changed and ended by the peers that may.

Read in this order: `request` (an N-CREATE or N-SET, read), `service` (what is answered, and kept). Errors are in
`errors`; what a completed step made becomes evidence in `processors.ledger.performed_lists`.
"""
