"""What can be wrong with a Kubeflow target, in plain words: a sentence and a remedy for each code."""

from typing import NamedTuple


class Problem(NamedTuple):
    """A sentence about what is wrong, and what to do."""

    sentence: str
    remedy: str


PROBLEMS: dict[str, Problem] = {
    "kubeflow-unreachable": Problem(
        "Nothing answers at the endpoint.",
        "Check the endpoint's host and port, the network between, and whether the API server runs.",
    ),
    "kubeflow-certificate": Problem(
        "The server's certificate is not one that we trust.", "Give the authority that signed it as ca_file."
    ),
    "kubeflow-ca-file": Problem(
        "The ca_file is missing, unreadable or holds no certificate.",
        "Put the authority's certificate there as PEM, or leave ca_file out.",
    ),
    "kubeflow-timeout": Problem(
        "The server did not answer in time.", "Look at its load; raise http_timeout_seconds if it is always that slow."
    ),
    "kubeflow-connection-lost": Problem(
        "The connection was lost before the answer came.", "Look at the proxies between, and at the server's restarts."
    ),
    "kubeflow-token": Problem(
        "The server does not know our token.", "Put a valid token into token_file; it is read again for each call."
    ),
    "kubeflow-token-missing": Problem(
        "The file with the token or cookie is missing, unreadable or empty.",
        "Make it readable for the worker; it holds one line.",
    ),
    "kubeflow-forbidden": Problem(
        "The server knows us, but does not let us do this here.",
        "Give the token's account the rights for pipelines and runs in the namespace.",
    ),
    "kubeflow-login": Problem(
        "Something before the server sends us to a login page.",
        "Use a token that the gateway accepts, or the endpoint inside the cluster.",
    ),
    "kubeflow-not-there": Problem(
        "Something answers at the endpoint, but it is not the v2beta1 API of Kubeflow Pipelines.",
        "The endpoint is the URL before /apis of a server of version 2.",
    ),
    "kubeflow-answer-unreadable": Problem(
        "The answer is not one of Kubeflow Pipelines' v2beta1 API.",
        "The endpoint is the URL before /apis; the server has version 2.",
    ),
    "kubeflow-busy": Problem("The server takes no more requests at the moment.", "It is asked again later."),
    "kubeflow-failed": Problem("The server failed to answer.", "Look at the log of its ml-pipeline deployment."),
    "kubeflow-refused": Problem(
        "The server refuses what we sent.", "Look at its log; versions before 2.0 know none of these requests."
    ),
    "kubeflow-unknown": Problem(
        "The server does not know the experiment, pipeline or version any more.",
        "Nothing has to be done: they are made again with the next attempt.",
    ),
    "kubeflow-name-taken": Problem(
        "The name is taken by one that differs only in case or accents.",
        "Choose another experiment_prefix or pipeline_prefix.",
    ),
    "kubeflow-namespace-missing": Problem(
        "The server keeps users apart, and the target names no namespace.", "Give the namespace of the profile."
    ),
    "kubeflow-namespace-unwanted": Problem(
        "The server knows only one user, and the target names a namespace.", "Leave namespace out."
    ),
    "uri-outside-claims": Problem(
        "A file:// URI of the handoff lies below no claim's path, so that no step could read it.",
        "Mount the research home's volume at the same path as here, or keep the store in S3.",
    ),
    "pipeline-not-portable": Problem(
        "The committed YAML already holds values of a site.", "Compile the pipeline without kfp.kubernetes."
    ),
    "pipeline-invalid": Problem(
        "The YAML is no pipeline that Kubeflow takes.", "Compile it with the version of kfp that is installed here."
    ),
}


def explain(code: str) -> Problem:
    """The words for a code."""
    return PROBLEMS.get(code, Problem(f"It failed ({code}).", "Look at the worker's log."))
