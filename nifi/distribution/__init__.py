"""The embedded Apache NiFi: what it is made of, where it is kept, how it starts and ends.

In reading order:

- `artifact`: the files that NiFi is assembled from, read from the committed lock `artifacts.yaml`
- `cache`: the folder outside the clone where they are kept
- `download`: fetch them, in parallel, each verified
- `assemble`: put lib/ and python/ together, once per lock
- `configure`: render `conf/` for one home
- `process`: a process group of our own, recognised and ended
- `state`: what is known of a running NiFi
- `failure`: the cause of a failed start, in one line
- `launch`: start, find, stop, wipe
"""
