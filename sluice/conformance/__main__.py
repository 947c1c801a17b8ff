"""Write the conformance statement: `python -m sluice.conformance`."""

from sluice.conformance.statement import DOCUMENT, statement

if __name__ == "__main__":
    DOCUMENT.write_text(statement(), "utf-8")
