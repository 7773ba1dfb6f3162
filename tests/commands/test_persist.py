"""Registering operations."""

import hashlib

import orjson
import pytest

from commands.persist import read_manifest

TEXT = "query Me { viewer { email } }"
SHA = f"sha256:{hashlib.sha256(TEXT.encode()).hexdigest()}"


def test_apollos_and_relays_manifests_say_the_same() -> None:
    apollo = {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{"id": "me", "name": "Me", "type": "query", "body": TEXT}],
    }
    assert read_manifest(orjson.dumps(apollo)) == {"me": TEXT, SHA: TEXT}
    assert read_manifest(orjson.dumps({"me": TEXT})) == {"me": TEXT, SHA: TEXT}


@pytest.mark.parametrize("raw", [b"", b"[]", b"5", b'{"me": 5}', b'{"": "{ viewer { email } }"}'])
def test_what_is_no_manifest_is_refused_with_a_sentence(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"it is not|the entry"):
        read_manifest(raw)
