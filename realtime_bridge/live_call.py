"""One live call: the thin shell between two sockets and the session that decides.

Frames are handled in the socket's own callback, so a frame costs no task and commands keep their order. Only tools run
as tasks, so a slow search or a slow workflow never holds up a frame.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog
from picows import WSCloseCode

from firstline.domain.call import E164, CallStarted, Direction
from firstline.domain.facts import Fact, FactKind
from firstline.domain.gate import RuntimeCause
from firstline.domain.turn import Turn
from firstline.ports import Transcription
from firstline.prompts import language_pack
from realtime_bridge import metrics
from realtime_bridge.admission import Admission, StreamRefused
from realtime_bridge.alarm import Alarm
from realtime_bridge.beside import Beside
from realtime_bridge.call_model import CallModel
from realtime_bridge.call_parts import CallParts
from realtime_bridge.call_started import age_ms, call_started
from realtime_bridge.hear_again import hear_again
from realtime_bridge.known_before import callback_owed, conversation_so_far, note_of
from realtime_bridge.live_calls import LiveCalls
from realtime_bridge.phone_socket import PhoneSocket
from realtime_bridge.protocol.call import CallSession
from realtime_bridge.protocol.commands import (
    AskForPerson,
    AskIfAlive,
    CallerSpeaks,
    Command,
    Configure,
    Count,
    Forget,
    Happened,
    HearAgain,
    LaneFault,
    Report,
    RunTool,
    Search,
    ToModel,
    ToPhone,
    TurnBegan,
)
from realtime_bridge.protocol.owner import to_owner
from realtime_bridge.protocol.turns import utc
from realtime_bridge.protocol.twilio import BadFrame, MarkReached, StreamStarted, StreamStopped, TwilioStream
from realtime_bridge.recording import Recorder
from realtime_bridge.session_configs import resume_notes
from realtime_bridge.tools.live_line import ask_for_person
from realtime_bridge.tools.runner import ToolRunner

log = structlog.get_logger()

GOODBYE_DELIVERY = 0.5
"""Seconds between a goodbye and the stream's end: the workflow should know before the carrier asks what is next."""
BAD_FRAMES_ALLOWED = 20
"""A stream with more nonsense than this is not Twilio's."""


class LiveCall(PhoneSocket):
    """The carrier's socket of one call; owns the model's socket and the tools' tasks."""

    __slots__ = (
        "_alarm", "_bad_frames", "_beside", "_facts", "_in_burst", "_leaving", "_live", "_model", "_parts",
        "_recorder", "_runner", "_searching", "_session", "_start", "_stream", "_transcript_ready",
    )  # fmt: skip

    def __init__(self, parts: CallParts, live: LiveCalls, admission: Admission) -> None:
        super().__init__(admission)
        self._parts = parts
        self._live = live
        self._stream = TwilioStream()
        self._model: CallModel | None = None
        self._session: CallSession | None = None
        self._start: CallStarted | None = None
        self._runner: ToolRunner | None = None
        self._recorder: Recorder | None = None
        self._beside = Beside()
        self._searching: asyncio.Task[None] | asyncio.TimerHandle | None = None
        self._transcript_ready = asyncio.Event()
        self._in_burst = False
        self._facts = 0
        self._bad_frames = 0
        self._alarm = Alarm(to_owner(self._wake))
        self._leaving: asyncio.TimerHandle | None = None

    # --- the carrier's socket -----------------------------------------------------------------------------------------

    @property
    def call_sid(self) -> str:
        return self._start.call_sid if self._start else ""

    def on_text(self, data: bytes) -> None:
        try:
            event = self._stream.read(data)
            if isinstance(event, StreamStarted):
                self._begin(event)
        except BadFrame as problem:
            self._bad_frame(problem)
            return
        except StreamRefused as refusal:
            self.hang_up(WSCloseCode.POLICY_VIOLATION, str(refusal))
            return
        if isinstance(event, bytes):
            if self.line is not None:
                self.to_model(self.line.take_unusual(event))
            return
        if event is None or self._session is None:
            return
        if isinstance(event, StreamStopped):
            self.line = None
        if self._recorder is not None and isinstance(event, MarkReached):
            self._recorder.tape.echo(event.name, self._now())
        self._session.phone(event, self._now())
        self._perform()
        if isinstance(event, StreamStarted) and self._model is not None:
            # Only now: the greeting leaves before anything the model may already have said is looked at.
            self._model.attach()
        self._leave_if_ended()

    def on_gone(self) -> None:
        self._alarm.off()
        self.line = None
        self.finish("bridge_lost")
        self._live.remove(self)
        if self._leaving is not None:
            self._leaving.cancel()
        if self._model is not None:
            self._model.close()
        # These know us: as long as we know them, none is freed (a task that was cancelled holds on to its frames).
        self._model, self._searching = None, None
        self._beside.cancel()

    def _bad_frame(self, problem: BadFrame) -> None:
        metrics.BAD_FRAMES.inc()
        self._bad_frames += 1
        log.warning("twilio_frame_bad", call_sid=self.call_sid, problem=str(problem))
        if self._session is None or self._bad_frames > BAD_FRAMES_ALLOWED:
            self.hang_up(WSCloseCode.POLICY_VIOLATION, str(problem))

    # --- the call -----------------------------------------------------------------------------------------------------

    def _begin(self, event: StreamStarted) -> None:
        start = call_started(event)
        self.admit(start.call_sid, event.parameters.get("token", ""))
        self._start = start
        self._beside.call_sid = start.call_sid
        self._live.add(self)
        pack = language_pack(start.language)
        note = f"call_sid: {start.call_sid}"
        if start.topic:
            note += "\n" + pack.callback_greeting_topic.format(topic=start.topic)
        resumed = event.parameters.get("resumed", "0") != "0"
        opening = self._parts.phrases.opening(
            start.language, callback=start.direction is Direction.CALLBACK, resumed=resumed
        )
        # A line's webhook can switch it off for its calls: that is how the two are compared.
        speculate = self._parts.speculate and event.parameters.get("speculate", "1") != "0"
        session = self._session = CallSession(
            self._stream,
            self._parts.configs[start.language],
            opening,
            note_of_call=note,
            language=start.language,
            speculate=speculate,
            second_hearing=self._parts.transcription is not None,
            phrases=self._parts.phrases.of_call(start.language),
            rules=self._parts.rules,
            price=self._parts.price,
            age_ms=age_ms(start),
            clock_zero=time.time() * 1000 - self._now(),
        )
        if self._parts.recordings is not None:
            self._recorder = Recorder(start, event.stream_sid, self._parts.recordings)
            session.line.also = self._recorder.tape
        self.listen(session.line)
        self._runner = ToolRunner(
            start, session, self._parts.knowledge, self._parts.control, self._parts.zone, to_owner(self._transcribed)
        )
        self._model = CallModel(
            self._parts.pool,
            start.call_sid,
            on_event=self._on_model,
            on_pulse=self._on_pulse,
            on_read=self._on_read,
            on_replaced=self._on_model_replaced,
            on_given_up=lambda code: self.finish(f"model_{code}"),
            quiet=lambda: session.between_turns,
        )
        self.to_model = self._model.send
        if resumed:
            self._beside.run(self._resume(start))
        if start.direction is Direction.INBOUND and E164.match(start.from_number):
            self._beside.run(self._recall(start))
        log.info("stream_started", call_sid=start.call_sid, direction=start.direction.value, resumed=resumed)

    def _on_model(self, event: dict[str, Any]) -> None:
        session = self._session
        if session is None or session.ended:
            return
        session.model(event, self._now())
        if not self._in_burst and event.get("type") == "response.output_audio.delta":
            # A model speaks faster than real time: the first of it leaves at once, the rest together.
            self._in_burst = True
            self._perform()

    def _on_read(self) -> None:
        """No more of the model is there to be read: what all of it means is done."""
        self._in_burst = False
        if self._session is not None:
            self._perform()

    def _on_pulse(self, alive: bool) -> None:
        if self._session is not None:
            self._session.model_pulse(self._now(), alive=alive)
            self._perform()

    def _on_model_replaced(self) -> None:
        """Another session is there: it is told the conversation; the caller keeps hearing what is buffered."""
        assert self._model is not None
        self.to_model = self._model.send
        if self._session is not None and not self._session.ended:
            self._session.reconnect(resume_notes(self._session.language), self._now())
            self._perform()

    async def _resume(self, start: CallStarted) -> None:
        assert self._session is not None
        context = await conversation_so_far(self._parts.control, start)
        if not self._session.ended:
            self._session.resume(context, resume_notes(context.language), self._now())
            self._perform()

    async def _recall(self, start: CallStarted) -> None:
        """Whoever phones in may be owed a callback: the model is told, a new time moves it, and it can be cancelled."""
        assert self._session is not None
        assert self._runner is not None
        owed = await callback_owed(self._parts.control, start)
        if owed is not None and not self._session.ended:
            self._runner.callbacks.owed = owed
            self._session.note(note_of(owed, self._session.language, self._parts.zone))
            self._perform()

    async def _transcribed(self) -> None:
        await self._transcript_ready.wait()

    def finish(self, reason: str) -> None:
        """End the stream from our side: Twilio then asks the action URL what comes next."""
        if self._session is not None and not self._session.ended:
            self._session.end(reason, self._now())
            self._perform()
        self.hang_up(WSCloseCode.OK)

    # --- doing what the session decided -------------------------------------------------------------------------------

    def _perform(self) -> None:
        session = self._session
        assert session is not None
        if session.stirred:
            self._do(session.take_commands())
            self._alarm.set(session.wakes_at)
            if session.transcript_pending:
                self._transcript_ready.clear()
            else:
                self._transcript_ready.set()

    def _do(self, commands: Sequence[Command]) -> None:
        model, to_phone = self._model, list[bytes]()
        for command in commands:
            match command:
                case ToPhone(data):
                    to_phone.append(data)
                    if self._recorder is not None:
                        self._recorder.tape.play(command, self._now())
                case Configure(data) if model is not None:
                    model.configure(data)
                case ToModel(data) if model is not None:
                    model.send(data)
                case LaneFault(fault, session_lost) if model is not None:
                    model.fault(fault, session_lost=session_lost)
                case AskIfAlive() if model is not None:
                    model.ping()
                case RunTool():
                    self._beside.run(self._run_tool(command))
                case AskForPerson(cause):
                    self._beside.run(self._find_person(cause))
                case Search():
                    self._forget()
                    # Most searches give way to a better question before they begin: those cost no task.
                    self._searching = self._loop.call_later(command.delay_ms / 1000, self._begin_search, command)
                case Forget():
                    self._forget()
                case HearAgain() if self._parts.transcription is not None:
                    self._beside.run(self._hear_again(command, self._parts.transcription))
                case CallerSpeaks() if self._recorder is not None:
                    self._recorder.caller_speaks()
                case TurnBegan(number) if self._recorder is not None:
                    self._recorder.turn_began(number)
                case Report(kind, turn, detail):
                    self._report(kind, turn, detail)
                case Happened(event):
                    metrics.HAPPENED.labels(event).inc()
                case Count(event, detail):
                    metrics.SWALLOWED.labels(event, detail).inc()
        if to_phone:
            self.to_phone(to_phone)

    # --- time ---------------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        session = self._session
        if session is None or session.ended:
            return
        # The loop's clock is coarse: it may wake a hair before the moment that it was asked for.
        session.tick(self._now() + 1.0)
        self._perform()
        self._alarm.set(session.wakes_at)
        self._leave_if_ended()

    def _leave_if_ended(self) -> None:
        """The session ended the call by itself: by a goodbye, or because it needs somebody else."""
        if self._session is not None and self._session.ended and self._leaving is None:
            self._leaving = self._loop.call_later(GOODBYE_DELIVERY, self.hang_up, WSCloseCode.OK)

    async def _find_person(self, cause: RuntimeCause) -> None:
        assert self._start is not None
        assert self._session is not None
        accepted = await ask_for_person(self._start, self._session, self._parts.control, cause)
        self._session.person_answered(accepted, self._now())
        self._perform()
        self._leave_if_ended()

    async def _run_tool(self, tool: RunTool) -> None:
        assert self._runner is not None
        assert self._session is not None
        answer = await self._runner.run(tool)
        self._session.tool_answered(tool.call_id, answer, self._now())
        self._perform()

    async def _hear_again(self, turn: HearAgain, transcription: Transcription) -> None:
        assert self._session is not None
        text = await hear_again(transcription, turn.frames, self._session.language, self.call_sid)
        self._session.heard_again(turn.item_id, text, self._now())
        self._perform()
        self._transcript_ready.set()

    def _forget(self) -> None:
        if self._searching is not None:
            self._searching.cancel()
            self._searching = None

    def _begin_search(self, search: Search) -> None:
        self._searching = self._beside.run(self._search(search))

    async def _search(self, search: Search) -> None:
        """Search for what the caller is saying. Cancelled when a better question comes or nobody waits any more."""
        assert self._runner is not None
        assert self._session is not None
        try:
            result = await self._runner.search(search.query)
        except Exception as error:  # whatever broke: the call goes on, and the model's own look-up will tell
            log.warning("search_ahead_failed", call_sid=self.call_sid, error=type(error).__name__)
            self._searching = None
            self._session.search_failed(search.id, self._now())
        else:
            self._searching = None
            self._session.searched(search.id, result, self._now())
        self._perform()

    def _report(self, kind: FactKind, turn: Turn | None, detail: str) -> None:
        assert self._start is not None
        self._facts += 1
        if turn is not None and kind is FactKind.TURN_FINISHED:
            metrics.observe_turn(turn)
            turn = self._recorder.finished(turn, self._now()) if self._recorder else turn
        if kind is FactKind.STREAM_ENDED:
            metrics.CALLS.labels(detail).inc()
            log.info("stream_ended", call_sid=self._start.call_sid, reason=detail)
        event_id = f"{self._start.call_sid}:{self._stream.stream_sid}:{self._facts}"
        fact = Fact(event_id, self._start.call_sid, kind, utc(time.time() * 1000), turn, detail)
        self._parts.spool.put(self._start, fact)

    def _now(self) -> float:
        return self._loop.time() * 1000
