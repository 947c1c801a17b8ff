"""Fetch studies from a PACS, and ask it how many instances of a study there are.

Read in this order: `question` (what is asked for), `query` (C-FIND), `plan` (what of a study is still to be fetched),
`move` and `get` (the two ways to fetch), `fetched` (what the peer says
of either), `relay` (C-GET's objects to the receiver), `pace` (how fast, and when), `job`
(what was done, durably), `arrived` (what the ledger has), `run` (a pull from its first question to its last count),
`report` (what it says meanwhile), `expect` (counts become evidence), `day_count` (what a PACS has of a day, beside
what is here), `commands`. Errors are in `errors`.
"""
