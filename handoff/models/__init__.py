"""Models: the versions that training runs made, and which of them are trusted for what.

- `leaks`: no patient is trained on and judged by in one line of models.
- `gate`: what a version must reach before an alias may stand for it, and what of that it reaches.
- `evaluations`: what was measured of versions once they were registered.
- `aliases`: names such as `champion`, each standing for one version.
- `promote`: ask for an alias to move, approve, refuse.
- `weights`: whether a model file can be loaded without running code of its own.
"""
