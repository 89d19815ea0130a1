"""Binds adapters to ports, as the settings say."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from temporalio.client import Client

from activities.archive import TraceActivities
from activities.callback import CallbackActivities, CallbackRules
from activities.csat import CsatActivities
from activities.handoff import HandoffActivities
from activities.ingest import CorpusActivities
from activities.on_call import OnCallActivities
from activities.orphans import OrphanActivities
from activities.prefetch import PrefetchActivities
from activities.retention import RetentionActivities
from activities.review import ReviewActivities
from activities.slo import SloActivities
from activities.trace_view import TraceViewActivities
from firstline.adapters.call_statistics import PostgresCallStatistics
from firstline.adapters.dial_turns import PostgresDialTurns
from firstline.adapters.jira import JiraTickets
from firstline.adapters.open_calls import TemporalOpenCalls
from firstline.adapters.pagerduty import PagerDutyPaging
from firstline.adapters.pinecone import PineconeMirror
from firstline.adapters.postgres import Pool, open_pool
from firstline.adapters.read_model import PostgresReadModel
from firstline.adapters.retention import PostgresRetention
from firstline.adapters.survey import PostgresSurvey
from firstline.adapters.temporal import TemporalCallControl
from firstline.adapters.twilio import TwilioTelephony
from firstline.domain.language import SUPPORTED
from firstline.knowledge.build import PostgresCorpusBuilder
from firstline.knowledge.mirror import MirrorWatch
from firstline.knowledge.search import PostgresKnowledge
from firstline.ports_after_call import TraceView
from firstline.prompts import language_pack
from firstline.settings import Settings
from realtime_bridge.app import Bridge, BridgeConfig
from realtime_bridge.phrases import PhraseBook
from realtime_bridge.recording import Recordings
from workers import wiring_call, wiring_knowledge, wiring_model, wiring_people, wiring_speech, wiring_trace_view
from workers.voices import VoiceOnDemand
from workers.wiring_knowledge import embedding_model
from workers.wiring_settings import callback_times, database_url
from workers.wiring_store import converter, object_store, phrase_store
from workers.worker import Activities


def callback_rules(settings: Settings) -> CallbackRules:
    """Whom we ring back, and when. Raises `BadSettings`."""
    hours, pauses = callback_times(settings)
    countries = frozenset(code.strip().upper() for code in settings.callback_countries.split(",") if code.strip())
    return CallbackRules(hours, countries, pauses)


LOOKUP_SECONDS = 2.0
"""That a look-up waits for a connection to the help centre."""


@dataclass(frozen=True)
class Opened:
    """Things that live as long as a process and are closed by its exit stack."""

    settings: Settings
    stack: AsyncExitStack

    async def pool(self, max_size: int = 8) -> Pool:
        """A Postgres pool."""
        return self._closing(await open_pool(database_url(self.settings), max_size=max_size))

    async def patient_pool(self) -> Pool:
        """One for a process that must come up without the database; a caller on the line does not wait long for it."""
        return self._closing(await open_pool(database_url(self.settings), timeout=LOOKUP_SECONDS, lazy=True))

    def _closing(self, pool: Pool) -> Pool:
        self.stack.push_async_callback(pool.close)
        return pool

    async def knowledge(self, collection: str | None = None, *, patient: bool = False) -> PostgresKnowledge:
        """The help centre, its models warm."""
        embedder, reranker = embedding_model(self.settings, threads=1), wiring_knowledge.reranker(self.settings)
        self.stack.callback(embedder.close)
        if reranker is not None:
            self.stack.callback(reranker.close)
        mirror = self.mirror()
        return PostgresKnowledge(
            await (self.patient_pool() if patient else self.pool()),
            embedder,
            collection or self.settings.collection,
            reranker=reranker,
            mirror=MirrorWatch(mirror, self.settings.mirror_share) if mirror else None,
        )

    def mirror(self) -> PineconeMirror | None:
        """The mirror of the vectors, where one is set up."""
        mirror = wiring_knowledge.mirror(self.settings)
        if mirror is not None:
            self.stack.push_async_callback(mirror.aclose)
        return mirror


async def bridge(opened: Opened) -> Bridge:
    """The bridge with everything it asks for."""
    settings = opened.settings
    # Lazy: a call is answered also when Temporal is not there yet.
    client = await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=converter(settings),
        lazy=True,
    )
    secrets = wiring_model.client_secrets(settings)
    if secrets is not None:
        opened.stack.push_async_callback(secrets.aclose)
    config = BridgeConfig(
        host=settings.host,
        port=settings.port,
        media_port=settings.media_port,
        bridge_url=settings.bridge_url,
        media_url=settings.media_url,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        lanes=wiring_model.lanes(settings, secrets),
        company=settings.company,
        zone=ZoneInfo(settings.timezone),
        spool_path=settings.home / "spool" / f"bridge-{settings.port}.sqlite",
        rules=wiring_call.call_rules(settings),
        price=wiring_call.price(settings),
        model=wiring_model.model_settings(settings),
        warm_sessions=settings.warm_sessions,
        max_calls=settings.max_calls,
        speculate=settings.speculate,
        pagerduty_webhook_secret=settings.pagerduty_webhook_secret.get_secret_value(),
    )
    phrases = PhraseBook(VoiceOnDemand(settings), phrase_store(settings), settings.company)
    recordings = Recordings(object_store(settings)) if settings.keep_audio else None
    second = wiring_speech.transcription(settings)
    if second is not None:
        opened.stack.push_async_callback(second.aclose)
    return Bridge(
        config, await opened.knowledge(patient=True), TemporalCallControl(client), phrases, recordings, second
    )


async def activities(opened: Opened, client: Client) -> Activities:
    """Every activity, bound to its adapters."""
    settings, pool = opened.settings, await opened.pool()
    telephony = TwilioTelephony(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        bridge_url=settings.bridge_url,
        base_url=settings.twilio_base_url or _simulated(settings, ""),
        static_twiml_url=settings.static_twiml_url,
        turns=PostgresDialTurns(pool, settings.dials_per_second),
    )
    paging = PagerDutyPaging(
        routing_key=settings.pagerduty_routing_key.get_secret_value(),
        base_url=settings.pagerduty_base_url or _simulated(settings, "/pagerduty"),
    )
    store = object_store(settings)
    statistics = PostgresCallStatistics(pool)
    links = f"{settings.temporal_ui_url}/namespaces/{settings.temporal_namespace}/workflows"
    phrases = {code: language_pack(code).prerendered(settings.company) for code in SUPPORTED}
    on_call, view = wiring_people.on_call(settings), _trace_view(opened)
    if on_call is not None:
        opened.stack.push_async_callback(on_call.aclose)
    return Activities(
        handoff=HandoffActivities(paging, telephony, settings.reps, links),
        on_call=OnCallActivities(on_call, settings.reps),
        callback=CallbackActivities(telephony, callback_rules(settings)),
        trace=TraceActivities(store, PostgresReadModel(pool)),
        prefetch=PrefetchActivities(VoiceOnDemand(settings), phrase_store(settings), phrases),
        review=ReviewActivities(statistics, store, _tickets(opened), ZoneInfo(settings.timezone), links),
        slo=SloActivities(statistics, paging, links),
        csat=CsatActivities(PostgresSurvey(pool), ZoneInfo(settings.timezone)),
        retention=RetentionActivities(store, PostgresRetention(pool), view),
        trace_view=TraceViewActivities(store, view),
        orphans=OrphanActivities(
            telephony, TemporalOpenCalls(client), paging, settings.line_number, settings.reps, links, on_call
        ),
    )


def _tickets(opened: Opened) -> JiraTickets | None:
    """The tracker, or None where none is set up; on one machine the simulated one."""
    settings = opened.settings
    url = settings.jira_url or _simulated(settings, "/jira")
    if not url:
        return None
    tickets = JiraTickets(url, settings.jira_email, settings.jira_api_token.get_secret_value(), settings.jira_project)
    opened.stack.push_async_callback(tickets.aclose)
    return tickets


def _trace_view(opened: Opened) -> TraceView | None:
    """Langfuse, or None where none is set up; on one machine the simulated one."""
    traces = wiring_trace_view.trace_view(opened.settings)
    if traces is not None:
        opened.stack.push_async_callback(traces.aclose)
    return traces


async def corpus_activities(opened: Opened) -> CorpusActivities:
    """What an ingest does; its embedding model is loaded by the first corpus."""
    settings = opened.settings
    pool = await opened.pool(max_size=2)
    builder = PostgresCorpusBuilder(pool, object_store(settings), lambda: embedding_model(settings), opened.mirror())
    return CorpusActivities(builder)


def _simulated(settings: Settings, prefix: str) -> str:
    """The loopback stand-in's URL; empty in production, where the vendor's own is used."""
    return settings.simulators_url + prefix if settings.env == "local" else ""
