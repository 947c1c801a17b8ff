"""Write the page on de-identification: `python -m sluice.deidentification`."""

from sluice.deidentification.document import DOCUMENT, document

if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
