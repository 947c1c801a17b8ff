"""The receiver's management interface, scraped by a real Prometheus client while real senders send."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from processors.ledger import label_documents, results
from processors.ledger.label_documents import LabelDocument
from processors.ledger.results import ResultObject
from processors.ledger.schema import connect, transaction
from tests.builders import write_ct_series
from tests.receiver_process import ReceiverProcess, storescu
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverProcess]:
    with ReceiverProcess(tmp_path / "home", "--management-port", "0") as running:
        yield running


def scrape(receiver: ReceiverProcess) -> dict[str, float]:
    """Samples by name and labels."""
    answer = httpx.get(f"http://127.0.0.1:{receiver.management_port}/metrics", trust_env=False, timeout=60)
    text = answer.raise_for_status().text
    return {
        f"{sample.name}{sorted(sample.labels.items()) or ''}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_was_sent_is_counted(receiver: ReceiverProcess, tmp_path: Path):
    files = write_ct_series(tmp_path / "ct", slices=5)
    assert len(storescu(receiver.port, [*files, files[0]]).success) == 6
    wait_for(lambda: scrape(receiver)["sluice_associations_total[('ending', 'released')]"] == 1)
    found = scrape(receiver)
    assert found["sluice_stores_total[('status', '0000')]"] == 6
    assert found["sluice_duplicates_total"] == 1
    assert found["sluice_associations_open"] == 0
    assert found["sluice_store_seconds_count"] == 6
    assert found["sluice_landing_free_bytes"] > 0
    wait_for(lambda: scrape(receiver).get("sluice_ledger_deliveries[('state', 'sealed')]") == 1)


def test_results_and_labels_that_wait_for_a_person_can_be_alarmed_on(receiver: ReceiverProcess):
    with closing(connect(receiver.home / "trusted" / "ledger.db")) as ledger:
        results.fetched(ledger, ResultObject("a" * 32, "b" * 32, "1.dcm", "0" * 64, 1, "lung", "pacs", "fetched"), 0.0)
        results.held(ledger, "a" * 32, "not-delivered", 0.0)
        document = LabelDocument("c" * 32, "lung", "handoff", "clinic", 1, "0" * 64, 1, "0" * 64, 1, "pending")
        with transaction(ledger):
            label_documents.add(ledger, [document], 0.0)
    found = scrape(receiver)
    assert found["sluice_ledger_results[('state', 'held')]"] == 1
    assert found["sluice_ledger_labels[('state', 'pending')]"] == 1


def test_nothing_of_sender_or_patient_is_in_the_metrics(receiver: ReceiverProcess, tmp_path: Path):
    files = write_ct_series(tmp_path / "ct", slices=1)
    storescu(receiver.port, files, "-aet", "CT_TELLTALE", called="LUNG_TELLTALE")
    text = httpx.get(f"http://127.0.0.1:{receiver.management_port}/metrics", trust_env=False, timeout=60).text
    assert "TELLTALE" not in text
    assert "127.0.0.1" not in text


def test_healthz_answers_and_nothing_else_does(receiver: ReceiverProcess):
    address = f"http://127.0.0.1:{receiver.management_port}"
    assert httpx.get(f"{address}/healthz", trust_env=False, timeout=60).status_code == 200
    assert httpx.get(f"{address}/", trust_env=False, timeout=60).status_code == 404
    assert httpx.post(f"{address}/metrics", trust_env=False, timeout=60).status_code == 404


def test_without_the_option_no_port_is_open(tmp_path: Path):
    with ReceiverProcess(tmp_path / "home") as running:
        assert running.management_port == 0
