"""Results on their way back into the PACS, on the right patient or not at all.

Reading order: `station` (what happens to one object, step by step), `inbox` (what the flow fetched, believed only by
its digest), `keep` (durable in the landing, entered in the ledger), `profile` (what may pass, as data), `opened` (bytes
to a data set, bounded), `references` and `resolve` (the one original study that an object is about), `mint` (new UIDs,
the same at each repeat), `reidentify` (the object as the PACS gets it), `verify` (the scan of what came out), `reasons`
(why an object is held), `go_on` (an announced object on its way again), `send` (what SendDICOM does), `commands` (what
an operator does), `errors`.
"""
