"""What hospital IT deploys: the flows, their parameters, the embedded NiFi and the processors' NAR.

In reading order:

- `errors`: every error, with its remedy
- `archive`, `nar`: the processors as one file, the same for the same content
- `distribution`: NiFi and its Registry on this machine
- `tls`, `rest`: how both are called; `progress`: how long work tells what it does
- `releases`: the flows on any NiFi
- `commands`: `sluice nifi`
"""
