"""Where a delivery goes: rules as data, and one small function that applies them.

Reading order: `facts` (what rules may look at), `rules` (the file), `decide` (facts and rules to shipments), `errors`.
"""
