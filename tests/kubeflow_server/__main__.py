"""Start the server: prints one line of JSON when it listens, ends on SIGTERM when all is inserted."""

import argparse
import importlib
import json
import os
import signal
import threading
from pathlib import Path

from tests.kubeflow_server.argo import Argo, Execute, Script
from tests.kubeflow_server.control import Control
from tests.kubeflow_server.database import Database
from tests.kubeflow_server.experiments import Experiments
from tests.kubeflow_server.faults import Fates, Faults
from tests.kubeflow_server.journal import Journal
from tests.kubeflow_server.pipelines import Pipelines
from tests.kubeflow_server.recurring_runs import RecurringRuns
from tests.kubeflow_server.runs import Runs
from tests.kubeflow_server.service import Listener, Service


def main() -> None:
    """Serve until told to stop."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    database = Database(options.folder / "kubeflow.db")
    argo = Argo(database, Script(**json.loads(options.script)), _callable(options.execute))
    experiments = Experiments(database, multi_user=options.multi_user)
    pipelines = Pipelines(database, multi_user=options.multi_user)
    recurring = RecurringRuns(database, experiments)
    runs = Runs(database, argo, experiments, pipelines, recurring)
    fates = Fates(Faults().changed(json.loads(options.faults)))
    journal = Journal(options.folder / "journal.jsonl")
    service = Service(
        experiments, pipelines, recurring, runs, fates, journal, options.token, multi_user=options.multi_user
    )
    api = Listener(("127.0.0.1", options.port), service)
    control = Control(("127.0.0.1", options.control_port), service, argo)
    told = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: told.set())
    argo.open()
    for server in (api, control):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    listening = {"event": "listening", "port": api.server_port, "control_port": control.server_port}
    print(json.dumps(listening), flush=True)
    os.dup2(2, 1)  # what steps print goes to the log
    told.wait()
    api.shutdown()
    service.close()
    argo.close()
    database.close()
    journal.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kubeflow_server", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the database and the journal are")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--token", help="the bearer token that every request must have")
    parser.add_argument("--multi-user", action="store_true", help="experiments need a namespace")
    parser.add_argument("--faults", default="{}", help="JSON, see faults.Faults")
    parser.add_argument("--script", default="{}", help="JSON, see argo.Script")
    parser.add_argument("--execute", help="module:function that really runs a workflow, see execute")
    return parser.parse_args()


def _callable(name: str | None) -> Execute | None:
    if name is None:
        return None
    module, function = name.split(":")
    found: Execute = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    main()
