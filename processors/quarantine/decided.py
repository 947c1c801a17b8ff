"""The engine that goes by two people's decision: the same one, with their boxes beside the site's rules."""

from processors.deid.burned_in.clean import PixelCleaner
from processors.deid.burned_in.signatures import Signatures
from processors.deid.engine import Engine
from processors.quarantine.decision import Decision


def decided(engine: Engine, decision: Decision | None) -> Engine:
    """An engine that masks what was decided before its detector looks; all else is as it was.

    Raises:
        DecisionError: a box reaches beyond the image.
    """
    signature = decision.signature() if decision else None
    if signature is None:
        return engine
    before = engine.pixels
    rules = (*(before.signatures.rules if before else ()), signature)
    return Engine(
        engine.profile, engine.keys, PixelCleaner(before.detector if before else None, Signatures(rules=rules))
    )
