"""Which Langfuse finished calls are shown in."""

from importlib.metadata import version

from firstline.adapters.langfuse import LangfuseAccount, LangfuseTraces
from firstline.adapters.langfuse_observations import Model
from firstline.domain.prices import PRICE_BOOKS
from firstline.settings import LOCAL_LANGFUSE_KEYS, Settings
from workers.wiring_settings import langfuse

OWN_MODEL = "firstline-speech"
"""What our own server is called: FIRSTLINE_REALTIME_MODEL names another's model."""


def account(settings: Settings) -> LangfuseAccount | None:
    """The settings' account; with none the simulator's, in production None. Raises `Rejected` for half an account."""
    given = langfuse(settings)
    if given is not None:
        return LangfuseAccount(*given)
    if settings.env == "production":
        return None
    return LangfuseAccount(f"{settings.simulators_url}/langfuse", *LOCAL_LANGFUSE_KEYS)


def trace_view(settings: Settings) -> LangfuseTraces | None:
    """Langfuse, or None where none is set up. Raises `Rejected`."""
    where = account(settings)
    if where is None:
        return None
    name = settings.realtime_model if settings.realtime_url else OWN_MODEL
    known = PRICE_BOOKS[settings.prices].of(name)
    model = Model(name) if known is None else Model(name, known.cost)
    return LangfuseTraces(where, model=model, environment=settings.env, release=version("firstline"))
