"""What a site says of its database and its store is understood, or refused without repeating a secret."""

import ssl

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.engine import make_url

from handoff.contract.identifiers import StoreUri
from handoff.contract.s3 import S3Access, S3AccessError
from handoff.database.engine import Database
from handoff.database.postgres import _arguments
from handoff.errors import StartError
from handoff.store.s3 import Bucket
from handoff.store.s3_settings import S3Settings

SECRET = "never-to-be-repeated"
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET}


def arguments(query: dict[str, str]) -> dict:
    return _arguments(dict(query), make_url("postgresql://u@h:5433/d"))


def test_tls_is_as_libpq_means_it():
    assert arguments({"sslmode": "disable"})["ssl_context"] is False
    assert arguments({})["ssl_context"] is None
    full = arguments({"sslmode": "verify-full"})["ssl_context"]
    assert (full.check_hostname, full.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert arguments({"sslmode": "verify-ca"})["ssl_context"].check_hostname is False
    assert arguments({"sslmode": "require"})["ssl_context"].verify_mode == ssl.CERT_NONE


def test_a_folder_as_host_is_a_unix_socket_without_tls():
    found = arguments({"host": "/run/postgresql"})
    assert (found["unix_sock"], found["ssl_context"]) == ("/run/postgresql/.s.PGSQL.5433", False)


@pytest.mark.parametrize("query", ["sslmode=perhaps", "sslmode=verify-full&sslrootcert=/nowhere.pem"])
def test_tls_parameters_that_lead_nowhere_are_an_error_without_the_password(query):
    with pytest.raises(StartError, match="TLS") as error:
        Database(f"postgresql://u:{SECRET}@h/d?{query}")
    assert SECRET not in str(error.value) + error.value.remedy


def test_another_driver_is_refused_with_the_one_that_works():
    with pytest.raises(StartError, match="database_url names another driver"):
        Database("postgresql+psycopg://u@h/d")


@pytest.mark.parametrize("url", ["s3://", "https://host/bucket", "s3://user@bucket/x", "s3://bucket/x?y=1"])
def test_a_store_url_that_is_no_bucket_is_refused(url, tmp_path):
    with pytest.raises(StartError, match="store"):
        Bucket.open(url, KEYS, tmp_path)


def test_credentials_of_a_file_come_before_none_and_variables_before_the_file(tmp_path):
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = of-file\naws_secret_access_key = x\n")
    of_file = S3Access.of_environment({"AWS_SHARED_CREDENTIALS_FILE": str(file)})
    assert of_file.access_key_id == "of-file"
    assert S3Access.of_environment({**KEYS, "AWS_SHARED_CREDENTIALS_FILE": str(file)}).access_key_id == "key"


@pytest.mark.parametrize("text", [SECRET, f"[other]\n{SECRET} = x", f"[default]\naws_access_key_id = {SECRET}"])
def test_a_file_of_credentials_that_cannot_be_read_is_not_repeated(tmp_path, text):
    file = tmp_path / "credentials"
    file.write_text(text)
    with pytest.raises(S3AccessError) as error:
        S3Access.of_environment({"AWS_SHARED_CREDENTIALS_FILE": str(file)})
    assert SECRET not in str(error.value)
    assert error.value.__context__ is None or error.value.__suppress_context__


def test_a_secret_has_no_revealing_form():
    assert SECRET not in repr(S3Access.of_environment(KEYS))


def test_runs_may_have_credentials_of_their_own_and_else_get_the_services(tmp_path):
    settings = S3Settings(endpoint="https://s3.example", path_style=False)
    assert settings.of_runs(KEYS) == settings.of_service(KEYS)
    own = settings.model_copy(update={"runs_credentials_file": tmp_path / "runs"}).of_runs(KEYS)
    assert "AWS_SECRET_ACCESS_KEY" not in own
    assert own["AWS_SHARED_CREDENTIALS_FILE"] == str(tmp_path / "runs")
    assert (own["AWS_ENDPOINT_URL"], own["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"]) == ("https://s3.example", "true")


@pytest.mark.parametrize(
    ("uri", "taken"),
    [
        ("file:///a/b.zip", True),
        ("s3://bucket/a/b.zip", True),
        ("s3://b", False),
        ("file://host/a", False),
        ("http://bucket/a", False),
        ("s3://Bucket/a", False),
        ("s3://bucket/a\n", False),
    ],
)
def test_a_uri_of_the_contract_is_a_file_or_an_object_of_s3(uri, taken):
    adapter = TypeAdapter(StoreUri)
    if taken:
        assert adapter.validate_python(uri) == uri
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(uri)
