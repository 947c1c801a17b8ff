"""How a delivery moves from the landing to a signed receipt.

Reading order: `doors` (what the shells call; nothing leaves but codes), `flowfile` (what a FlowFile may say), then
the stations in their order: `announce`, `route`, `evidence`, `commitment`, `performed` (evidence too), `labels`,
`treat`, `confirm`, `retention` and `step_retention`; `confirmed_before` is what an earlier ledger knew. `treat`
starts `workers`; each is a `worker` and writes a `package`. `workplace` is what all stations share, `pinned` the
sidecar of a decision, `held` what waits for a person, `missing` what was deleted, `again` a version that counts
though a later one came, `replay` and `replay_command` a project that is begun anew; `embedded` the receiver of
ListenDICOM, `receiver_properties` what it is told; `landing_commands` and `landing_picture` are `sluice landing`;
`study_facts` what the vault keeps of a study; `quiet` keeps libraries from talking into NiFi's log, `alarm` says
failures aloud, `parent` ends a process with NiFi; `errors`.
"""
