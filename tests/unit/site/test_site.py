"""What a site file may say."""

import pytest

from processors.errors import SiteFileError
from processors.site import Site


def test_a_missing_site_file_means_all_defaults(tmp_path):
    site = Site.load(tmp_path)
    assert site.landing == tmp_path / "landing"
    assert site.retention.originals_days == 7


def test_paths_in_the_site_file_start_at_the_trusted_home(tmp_path):
    (tmp_path / "sluice.yaml").write_text("landing: /elsewhere/landing\nledger: books/ledger.db\n")
    site = Site.load(tmp_path)
    assert str(site.landing) == "/elsewhere/landing"
    assert site.ledger == tmp_path / "books/ledger.db"


@pytest.mark.parametrize("text", ["lending: here", "time_zone: Mars/Olympus", "- a list", "reserve_mb: -1", "a: b: c"])
def test_a_site_file_that_cannot_be_meant_is_refused_with_its_path(tmp_path, text):
    (tmp_path / "sluice.yaml").write_text(text)
    with pytest.raises(SiteFileError, match=r"sluice\.yaml"):
        Site.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lending: here", "lending: "),
        ("name: here\nreserve_mb: lots", "reserve_mb: "),
        ("retention: {originals_days: -1}", "retention.originals_days: "),
        ("name: [a\n", "line 2"),
        ("- a list", "no mapping"),
    ],
)
def test_what_is_wrong_with_a_site_file_is_one_line_that_names_the_key_or_the_line(tmp_path, text, says):
    (tmp_path / "sluice.yaml").write_text(text)
    with pytest.raises(SiteFileError) as caught:
        Site.load(tmp_path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_site_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "sluice.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SiteFileError):
        Site.load(tmp_path)
