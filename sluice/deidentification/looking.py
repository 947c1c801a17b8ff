"""What a site sets up so that images that may show text are cleaned."""

from typing import Final

from sluice.conformance.markdown import sections

DEVICE_RULES: Final = """\
version: 1
rules:
  - name: sonograph-5-banner
    when: {Modality: US, ManufacturerModelName: "Sonograph 5*", Rows: 600, Columns: 800}
    mask: [{left: 0, top: 0, width: 800, height: 40}]
  - name: scanner-dose-page
    when: {Modality: CT, ImageType: SCREEN SAVE, ManufacturerModelName: "Scanner 9", Rows: 512, Columns: 512}
    keep: [{left: 0, top: 60, width: 512, height: 452}]
    complete: true
  - name: worklist-screen
    when: {ImageType: SCREEN SAVE, StationName: [WS1, WS2]}
    withhold: true
"""
"""An example of a site's rules for devices; a test reads it."""


def looking() -> str:
    """The detector, the rules for devices, and where both are named."""
    return sections(
        "## Looking for text in pixels",
        """
        The detector is the extra `ocr` (RapidOCR on onnxruntime, its models in the wheel, nothing is fetched): `pip
        install 'dicom-sluice[ocr]'`. `sluice deid apply` finds it there. NiFi's processors run from an archive that
        lacks it, so a site installs it once with the Python that NiFi uses, and names the folder in the trusted home's
        `sluice.yaml`; NiFi is restarted then:
        """,
        """
        ```sh
        python -m pip install --target trusted/ocr --require-hashes -r requirements/ocr.lock
        ```

        ```yaml
        pixels:
          detector_packages: ocr
          device_rules: devices.yaml
        ```
        """,
        """
        Without it, what may show text is withheld as `pixels-no-detector`, and all else goes on. The images of
        `docker-compose.yml` lack it too ([compose](compose.md) has the command). To look takes seconds of one core for
        each image, so a study of many captures takes its time; what a scanner measured costs nothing more.
        [Text burned into pixels](burned-in-text.md) says how it looks, and how much it was measured to find. The
        treatment in each manifest names the detector with its version, and the digest of the rules for devices.
        """,
        """
        Rules for devices say where a device writes. `mask` and `keep` are boxes in pixels, made black inside or
        outside, on images of the Rows and Columns that the rule names; every rule that matches applies. `complete`
        says that nothing else on this layout can show text: only then an image passes where no detector is installed.
        Where one is, it looks all the same. `withhold` keeps such images back. `sluice deid apply --device-rules
        FILE` reads the same file; a worker reads it again when it was written:
        """,
        f"```yaml\n{DEVICE_RULES.strip()}\n```",
    )
