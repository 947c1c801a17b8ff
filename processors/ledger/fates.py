"""What became of an instance of which copies came: one rule for all evidence that tells of instances.

The fragments of SQL are for queries that name shipments `s`, their instances `si` and deliveries `d`.
"""

from typing import Final

ELSEWHERE: Final = "elsewhere"
_ORDER: Final = ("delivered", "held", "withheld", "rejected", ELSEWHERE)

FATE: Final = """
        CASE
            WHEN s.state = 'parked' AND s.reason LIKE 'held%' THEN 'held'
            WHEN s.state = 'parked' THEN 'rejected'
            WHEN s.state = 'closed' THEN 'elsewhere'
            WHEN s.state = 'quarantined' OR si.state = 'withheld' THEN 'withheld'
            WHEN si.state = 'passed' THEN 'delivered'
            ELSE 'rejected'
        END
"""
"""What one copy became for the project of its shipment."""
UNDECIDED: Final = "d.state = 'parked' AND d.reason LIKE 'held%'"
"""Whether a person must say first which project a copy is for."""


def better(one: str, other: str) -> str:
    """What an instance counts as of which two copies came."""
    return min(one, other, key=_ORDER.index)
