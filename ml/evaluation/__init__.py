"""How good a segmentation is, and how good the best simple rule would have been.

- `dice`: the overlap of two masks.
- `baseline`: the best threshold with connected components, chosen with the truth in hand.
"""
