"""Real peers of the tests that no package of Debian has, or that a test starts itself.

`python -m tests.peers` (`make peers`) builds or fetches what must be built, one function a peer, into the cache folder
that the embedded NiFi uses too; a second call finds it there.
"""
