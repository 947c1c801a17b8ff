"""The command line and the demo.

Reading order: `cli` (every command and where it lives), `demo` (the whole way, live), `trace` (one id, both ways).
"""
