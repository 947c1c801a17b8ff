"""The landing: the durable folder in which every acknowledged instance lies until all its destinations have it.

Read in this order: `layout` (where things are), `delivery` (what a sealed delivery says of itself), `durable` (writes
that survive a power cut) and `together` (many of them), `journal`, `slots` (files that wait for objects), `mark` and
`who_sent` (by which a file tells of itself), `filling` (a delivery that is being filled, and when it is sealed),
`known` (duplicates and revisions), `association` (what one association brings), `idle` (seals when nothing comes any
more), `evidence`, `closing` (what is written at each seal and each end), `deleted` (a delivery whose folder is gone),
`recover`, `restore` and `adopt` (after a crash), `notify` (tells the announcer), `room` (the disk's reserve), `lock`
(one receiver, one announcer), `labels` and `results` (what lies beside a label document, and beside an object of a
result), `commitments` and `performed_steps` (what devices asked for and said), `hold` (a delivery that waits for a
person since it came), `retention` (how long originals stay). Errors are in `errors`.
"""
