"""What the HTTP API takes and gives, one module per noun, named as the routers in `handoff.api` are."""
