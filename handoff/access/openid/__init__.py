"""People and programs that a provider of OpenID Connect knows.

- `settings`: which provider, and what its claims mean here.
- `remembered`: a value of the provider, fetched when needed and kept for a while.
- `provider`: the provider's own description of itself (discovery), and every call to it.
- `keys`: the keys that it signs with, as they are rotated.
- `verify`: whether a token is the provider's, for us, and of now.
- `claims`: whom a token stands for, by the site's rules.
- `code_flow`: how a person comes back from the provider's own page: authorization code with PKCE.
- `openid`: the parts of one provider, wired.
"""
