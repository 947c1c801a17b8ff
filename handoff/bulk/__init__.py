"""Large bodies, read by a process of their own: hashing and writing never hold up who decides.

- `pace`: how long a body may take.
- `reading`: threads that read a socket, and hash and write what they read.
- `errand`: what the service and that process tell each other about one body.
- `process`: the process itself.
- `beside`: keeps it running beside the service.
- `given`: a body that is given to it, and what becomes of it.
"""
