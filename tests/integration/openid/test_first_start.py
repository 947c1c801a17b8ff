"""The first start of a real service prints a link, as notebooks do; a command prints another."""

import httpx
import pytest
from click.testing import CliRunner

from handoff.commands import handoff
from tests.integration.handoff.running import running

pytestmark = pytest.mark.integration


def test_a_new_home_has_a_link_and_whoever_reads_it_gets_another(tmp_path):
    with running(tmp_path) as service, httpx.Client(trust_env=False, timeout=60) as browser:
        first = service.ready["first_link"]
        another = CliRunner().invoke(handoff, ["link", "--home", str(tmp_path)]).stdout.strip()
        assert another != first
        for url in (first, another):
            assert url.startswith(f"{service.url}/login?link=")
            csrf = browser.get(url).text.split('name="csrf" value="')[1].split('"')[0]
            answer = browser.post(f"{service.url}/login", data={"csrf": csrf, "link": url.partition("link=")[2]})
            assert answer.status_code == 303
        assert "home <small>admin" in browser.get(service.url).text


def test_a_home_without_a_service_has_no_link(tmp_path):
    result = CliRunner().invoke(handoff, ["link", "--home", str(tmp_path)])
    assert result.exit_code != 0
    assert "No service has started" in str(result.exception)
