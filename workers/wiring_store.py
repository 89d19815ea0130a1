"""Where what lasts is kept, and how what Temporal keeps is written: light, for commands that only look."""

from temporalio.converter import DataConverter

from firstline.adapters.claim_check import with_claims
from firstline.adapters.object_store import ObstoreObjectStore
from firstline.adapters.payload_codec import data_converter, parse_keys
from firstline.ports import ObjectStore
from firstline.settings import Settings
from workers import wiring_speech


def converter(settings: Settings) -> DataConverter:
    """How what Temporal keeps is written: encrypted where keys are set, and put to the object store where it is big.

    Raises `Rejected` for keys that are none.
    """
    return with_claims(data_converter(parse_keys(settings.payload_keys.get_secret_value())), object_store(settings))


def object_store(settings: Settings) -> ObjectStore:
    """The object store: the setting, or a folder under the state directory."""
    return ObstoreObjectStore(_objects_url(settings))


def phrase_store(settings: Settings) -> ObjectStore:
    """Where phrases are kept that one voice has spoken."""
    return ObstoreObjectStore(wiring_speech.phrases_url(settings, _objects_url(settings)))


def _objects_url(settings: Settings) -> str:
    return settings.object_store_url or (settings.home / "objects").as_uri()
