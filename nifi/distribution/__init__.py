"""The embedded Apache NiFi and NiFi Registry: what they are made of, where they are kept, how they start and end.

In reading order:

- `artifact`: the files that they are assembled from, read from the committed locks (`artifacts.yaml`, …)
- `cache`: the folder outside the clone where they are kept
- `download`: fetch them, in parallel, each verified
- `assemble`: put lib/ (and NiFi's python/) together, once per lock
- `configure`: render `conf/` for one home
- `process`: a process group of our own, recognised and ended
- `state`: what is known of a running server
- `failure`: the cause of a failed start, in one line
- `ports`: ports that no client is given while a server starts.
- `service`: what both share of starting, finding and ending
- `launch`: NiFi: start, find, stop, wipe
- `registry`: the Registry: start, find, stop
- `side_by_side`: both at the same time
"""
