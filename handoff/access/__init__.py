"""Who may do what, and who did.

- `permissions`: the table of roles and what each may do.
- `principal`: who a request is from, and which projects it may touch.
- `authenticate`: which principal a bearer token stands for, whoever knows the token.
- `tokens`: bearer tokens, known by their digests.
- `home_tokens`: the two tokens of a home's files.
- `issue`: make, rotate and revoke tokens.
- `limits`, `access_settings`: how much one sender may ask, and how slowly.
- `audit`: who changed what, and who was refused.
- `run_tokens`, `run_files`, `run_access`: the token of a run, which files it may reach by it, and what its steps
  are told.
- `tls`: TLS of the service, and certificates of clients.
- `openid`: people and programs that a provider of OpenID Connect knows.
- `pages_settings`, `sessions`, `once`, `sign_in`: people at a browser.
"""
