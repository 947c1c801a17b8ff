"""The page of the trusted zone: what waits in quarantine, pictures of it, and two people's words, on loopback alone.

Reading order: `html` (text that cannot be injected into), `sessions` (who is signed in), `views` (the pages),
`requests` (what a browser sent, and whether it may), `app` (which page, which word), `serve` (the port).
"""
