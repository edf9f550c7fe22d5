"""Where a URL of backups leads, and which ones are refused."""

from typing import Any

import pytest

from page_tracker.backup.credentials import Credentials
from page_tracker.backup.errors import BackupError
from page_tracker.backup.object_store import open_store

KEYS = {"access_key_id": "a-key", "secret_access_key": "a-secret"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shell of the developer name no store."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)


def config_of(url: str, **given: str) -> dict[str, Any]:
    """Return how obstore reaches a URL."""
    store: Any = open_store(url, Credentials(**KEYS, **given))
    return dict(store._store.config)  # pylint: disable=protected-access


@pytest.mark.parametrize("region", ["cn-hangzhou", "oss-cn-hangzhou"])
def test_should_reach_oss_at_the_host_of_the_bucket(region: str) -> None:
    # When
    config = config_of("oss://my-bucket/backups", region=region)

    # Then
    endpoint = "https://my-bucket.s3.oss-cn-hangzhou.aliyuncs.com"
    assert config["endpoint"] == endpoint
    assert config["region"] == "cn-hangzhou"
    assert str(config["virtual_hosted_style_request"]).lower() == "true"


def test_should_reach_a_store_of_its_own_at_a_path_of_its_endpoint() -> None:
    # When
    config = config_of("s3://my-bucket", endpoint="http://minio:9000/")

    # Then
    assert config["endpoint"] == "http://minio:9000"
    assert config["bucket"] == "my-bucket"
    assert "virtual_hosted_style_request" not in config


@pytest.mark.parametrize(
    ("url", "given", "complaint"),
    [
        ("gs://bucket", {}, "a backup cannot go to gs://; use the path of a folder"),
        ("s3:/bucket", {}, "write s3://BUCKET/PREFIX with two slashes, or the path"),
        ("s3://", {}, "write s3://BUCKET/PREFIX, without keys or options"),
        ("s3://k:a-secret@bucket", {}, "write s3://BUCKET/PREFIX, without keys"),
        ("s3://bucket?key=a-secret", {}, "write s3://BUCKET/PREFIX, without keys"),
        ("oss://bucket", {}, "oss:// needs a region, for example cn-hangzhou"),
        ("s3://bucket", {"endpoint": "minio:9000"}, "the endpoint must be an address"),
        ("s3://b-t", {"endpoint": "https://a@b"}, "the endpoint must be an address"),
    ],
)
def test_should_explain_a_place_that_is_none(
    url: str, given: dict[str, str], complaint: str
) -> None:
    # When
    with pytest.raises(BackupError) as refused:
        config_of(url, **given)

    # Then
    assert str(refused.value).startswith(complaint)
    assert "a-secret" not in str(refused.value)
