"""Twilio's webhooks: every one signed, every one answered; none waits long for the control plane."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firstline.domain.call import CALL_SID, CallStarted, Direction
from firstline.domain.callback import CallbackRequest, DialStatus
from firstline.domain.facts import Fact, FactKind, NextStep
from firstline.domain.handoff import RepAnswer
from firstline.domain.language import SUPPORTED
from firstline.names import UPDATE_DEADLINE
from firstline.ports import CallControl, PortError, Rejected
from realtime_bridge import twiml
from realtime_bridge.admission import Admission
from realtime_bridge.metrics import STATUSES_LOST, WEBHOOKS
from realtime_bridge.signature import TwilioSignature
from realtime_bridge.spool import Spool

log = structlog.get_logger()

NEXT_STEP_DEADLINE = 1.0
"""Seconds; a caller is listening to silence."""
MAX_RESUMES = 2
"""A stream that keeps ending is a fault the caller must not be kept in."""
MAX_ASKED = 4
"""Times that a caller is asked to wait for the control plane, about two seconds each."""
_FAILSAFE_WORDS = "I'm sorry, something went wrong on our side. I am putting you through to our team."
_REP_ENDED = {
    "busy": RepAnswer.DECLINED,
    "canceled": RepAnswer.NO_ANSWER,
    "completed": RepAnswer.DECLINED,
    "failed": RepAnswer.NO_ANSWER,
    "no-answer": RepAnswer.NO_ANSWER,
}
_DIAL = {
    "in-progress": DialStatus.ANSWERED,
    "busy": DialStatus.BUSY,
    "no-answer": DialStatus.NO_ANSWER,
    "failed": DialStatus.FAILED,
    "canceled": DialStatus.FAILED,
}

_OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""Statuses that a call never leaves."""
_OF_NO_CALL = frozenset({"conference-end"})
"""Conference events that carry no CallSid."""
_MOVED_ON = frozenset({"redirected", "redirected-from-bridged"})
"""Results of `<Enqueue>` after which the call goes on elsewhere."""
CALLED_BACK_AFTER = timedelta(minutes=15)
"""Long enough for whoever was busy to be free."""
_FAILSAFE_TOPIC = "the call that nobody could take"

Form = dict[str, str]
Handler = Callable[[Request, Form], Awaitable[Response]]


def xml(body: str) -> Response:
    """A TwiML answer."""
    return Response(body, media_type="application/xml")


@dataclass(frozen=True)
class Webhooks:
    """The handlers and what they need."""

    signature: TwilioSignature
    control: CallControl
    spool: Spool
    bridge_url: str
    media_url: str
    prepare_model: Callable[[str], None]
    """CallSid -> begin to connect to the model while Twilio reads our TwiML."""
    admission: Admission

    def routes(self) -> list[Route]:
        """All POST routes below /twilio."""
        handlers: dict[str, Handler] = {
            "voice": self.voice,
            "connect-done": self.connect_done,
            "call-status": self.call_status,
            "stream-status": self.noted,
            "rep-answer": self.rep_answer,
            "rep-again": self.rep_again,
            "rep-status": self.rep_status,
            "conference": self.conference,
            "dial-done": self.dial_done,
            "callback-status": self.callback_status,
            "amd": self.answered_by,
            "queue-done": self.queue_done,
            "failsafe-choice": self.failsafe_choice,
        }
        return [Route(f"/twilio/{name}", self._signed(handler), methods=["POST"]) for name, handler in handlers.items()]

    def _signed(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            form = {key: str(value) for key, value in (await request.form()).items()}
            query = f"?{request.url.query}" if request.url.query else ""
            given = request.headers.get("x-twilio-signature", "")
            if not self.signature.webhook(request.url.path + query, form, given):
                log.warning("webhook_unsigned", path=request.url.path)
                WEBHOOKS.labels(request.url.path, "403").inc()
                return PlainTextResponse("X-Twilio-Signature is missing or wrong", 403)
            of_no_call = form.get("StatusCallbackEvent") in _OF_NO_CALL
            if not of_no_call and not CALL_SID.match(form.get("CallSid", "")):
                WEBHOOKS.labels(request.url.path, "400").inc()
                return PlainTextResponse("CallSid is missing or malformed", 400)
            response = await handler(request, form)
            WEBHOOKS.labels(request.url.path, str(response.status_code)).inc()
            return response

        return endpoint

    async def voice(self, request: Request, form: Form) -> Response:
        """A call rings, or a callback that we dialled was answered: connect it to the agent."""
        callback_of = request.query_params.get("callback", "")
        language = request.query_params.get("language", "")
        start = replace(_caller(form, callback_of), language=language if language in SUPPORTED else SUPPORTED[0])
        self._tell(start, FactKind.CALL_STARTED)
        if self.admission.full:
            log.warning("bridge_full", call_sid=start.call_sid)
            return xml(twiml.failsafe(_FAILSAFE_WORDS, self.bridge_url))
        self.prepare_model(start.call_sid)
        return xml(self._connect(start, resumed=0, speculate=request.query_params.get("speculate", "1")))

    def _connect(self, start: CallStarted, resumed: int, speculate: str = "1") -> str:
        parameters = {
            "from": start.from_number,
            "to": start.to_number,
            "language": start.language,
            "started_at": start.started_at,
            "callback_of": start.callback_of,
            "speculate": speculate,
            "token": self.admission.announce(start.call_sid),
        }
        return twiml.connect_stream(self.media_url, self.bridge_url, parameters, resumed)

    def _tell(self, start: CallStarted, kind: FactKind, detail: str = "") -> None:
        event_id = f"{start.call_sid}:{kind.value}"
        self.spool.put(start, Fact(event_id, start.call_sid, kind, datetime.now(UTC).isoformat(), detail=detail))

    async def connect_done(self, request: Request, form: Form) -> Response:
        """The stream ended with the caller still on the line: the workflow knows what comes next."""
        sid, resumed = form["CallSid"], _count(request, "resumed")
        try:
            step = await self.control.next_step(sid, NEXT_STEP_DEADLINE)
            log.info("next_step", call_sid=sid, step=step.value, resumed=resumed)
            if step is NextStep.RESUME and resumed < MAX_RESUMES:
                return await self._resume(sid, resumed + 1)
        except PortError:
            return self._ask_again(request, sid)
        if step is NextStep.CONFERENCE:
            return xml(twiml.wait_for_person(sid, self.bridge_url))
        return xml(twiml.goodbye() if step is NextStep.GOODBYE else twiml.failsafe(_FAILSAFE_WORDS, self.bridge_url))

    async def _resume(self, sid: str, resumed: int) -> Response:
        """Connect the caller again; the workflow knows who they are and in which language they speak."""
        self.prepare_model(sid)
        context = await self.control.resume_context(sid, NEXT_STEP_DEADLINE)
        return xml(self._connect(replace(context.start, language=context.language), resumed))

    def _ask_again(self, request: Request, sid: str) -> Response:
        """A control plane that restarts is back in seconds: the caller waits so long, and hears that they do."""
        asked = _count(request, "asked") + 1
        log.warning("next_step_unknown", call_sid=sid, asked=asked)
        if asked > MAX_ASKED:
            return xml(twiml.failsafe(_FAILSAFE_WORDS, self.bridge_url))
        again = request.url.include_query_params(asked=asked).replace(scheme="", netloc="")
        return xml(twiml.try_again(str(again)))

    async def call_status(self, request: Request, form: Form) -> Response:
        """The carrier says that a call is over: also when the bridge that had its stream died before it could."""
        status = form.get("CallStatus", "")
        if status in _OVER:
            self._tell(_caller(form), FactKind.CALL_ENDED, f"the carrier: {status}")
        return Response(status_code=204)

    async def noted(self, request: Request, form: Form) -> Response:
        """Nothing to do but to have it in the log."""
        log.info("twilio_status", path=request.url.path, call_sid=form["CallSid"], status=form.get("StreamEvent", ""))
        return Response(status_code=204)

    async def rep_answer(self, request: Request, form: Form) -> Response:
        """A rep heard the brief and pressed a key; 1 accepts."""
        caller, rep = request.query_params.get("handoff", ""), request.query_params.get("rep", "")
        # Twilio does not repeat the digit when it is redirected, so the address does.
        digit = form.get("Digits") or request.query_params.get("pressed", "")
        accepted = digit == "1"
        try:
            await self.control.rep_answered(caller, rep, RepAnswer.ACCEPTED if accepted else RepAnswer.DECLINED)
        except Rejected:
            return xml(twiml.say_and_hang_up("The caller is no longer waiting. Thank you."))
        except PortError:
            log.warning("rep_answer_not_durable", call_sid=caller)
            again = request.url.include_query_params(pressed=digit).replace(scheme="", netloc="")
            return xml(twiml.try_again(str(again)))
        return xml(twiml.join_as_rep(caller) if accepted else twiml.goodbye())

    async def rep_again(self, request: Request, form: Form) -> Response:
        """A bridge died as a rep answered: what they pressed may or may not have been heard."""
        return xml(twiml.press_again(f"{self.bridge_url}/twilio/rep-answer?{request.url.query}"))

    async def rep_status(self, request: Request, form: Form) -> Response:
        """The rep's leg ended; one that was never accepted counts as a no."""
        answer = _REP_ENDED.get(form.get("CallStatus", ""))
        if answer is not None:
            caller, rep = request.query_params.get("handoff", ""), request.query_params.get("rep", "")
            await self._signal(self.control.rep_answered(caller, rep, answer), caller)
        return Response(status_code=204)

    async def conference(self, request: Request, form: Form) -> Response:
        """Who came into and left the conference: whoever joins the caller picked up; the caller leaving unwinds it.

        Reps are reported here too, for Twilio uses the callback of the first participant, who is the caller.
        """
        caller, who = request.query_params.get("handoff", ""), form.get("CallSid", "")
        event = form.get("StatusCallbackEvent")
        if event == "participant-leave" and who == caller:
            await self._signal(self.control.caller_left(caller), caller)
        if event == "participant-join" and who != caller:
            await self._signal(self.control.rep_joined(caller, who), caller)
        return Response(status_code=204)

    async def dial_done(self, request: Request, form: Form) -> Response:
        """The conference is over and the caller still there."""
        try:
            step = await self.control.next_step(form["CallSid"], NEXT_STEP_DEADLINE)
        except PortError:
            step = NextStep.GOODBYE
        return xml(twiml.failsafe(_FAILSAFE_WORDS, self.bridge_url) if step is NextStep.FAILSAFE else twiml.goodbye())

    async def callback_status(self, request: Request, form: Form) -> Response:
        """What became of a callback's outbound call."""
        promised_in = request.query_params.get("callback", "")
        status = _DIAL.get(form.get("CallStatus", ""))
        if status is not None:
            await self._signal(self.control.dial_status(promised_in, form["CallSid"], status), promised_in)
        if form.get("CallStatus") == "completed":
            self._tell(_caller(form, promised_in), FactKind.CALL_ENDED, "the carrier: completed")
        return Response(status_code=204)

    async def answered_by(self, request: Request, form: Form) -> Response:
        """Who picked up a callback. In doubt it is a person, who must not be hung up on."""
        promised_in, who = request.query_params.get("callback", ""), form.get("AnsweredBy", "")
        machine = who.startswith("machine") or who == "fax"
        status = DialStatus.MACHINE if machine else DialStatus.HUMAN
        await self._signal(self.control.dial_status(promised_in, form["CallSid"], status), promised_in)
        return Response(status_code=204)

    async def queue_done(self, request: Request, form: Form) -> Response:
        """The caller left the failsafe queue; the call is over unless we ourselves moved them on."""
        result = form.get("QueueResult", "")
        if result in _MOVED_ON:
            return Response(status_code=204)
        self._tell(_caller(form), FactKind.CALL_ENDED, f"left the failsafe queue: {result or 'unknown'}")
        return xml(twiml.goodbye())

    async def failsafe_choice(self, request: Request, form: Form) -> Response:
        """A caller whom nobody could take pressed a key: 1 books a callback, everything else waits in the queue."""
        if form.get("Digits") != "1":
            return xml(twiml.wait_in_queue(self.bridge_url))
        start, at = _caller(form), datetime.now(UTC) + CALLED_BACK_AFTER
        asked = CallbackRequest(start.call_sid, start.from_number, at.isoformat(), _FAILSAFE_TOPIC)
        try:
            await self.control.request_callback(start, asked, UPDATE_DEADLINE.total_seconds())
        except Rejected as refusal:
            return xml(twiml.wait_in_queue(self.bridge_url, f"{refusal}. Please stay on the line."))
        except PortError:
            log.warning("callback_not_durable", call_sid=start.call_sid)
            return xml(twiml.wait_in_queue(self.bridge_url, "I could not book that. Please stay on the line."))
        log.info("callback_booked_in_failsafe", call_sid=start.call_sid)
        self._tell(start, FactKind.CALL_ENDED, "left the failsafe queue for a callback")
        minutes = int(CALLED_BACK_AFTER.total_seconds() // 60)
        return xml(twiml.say_and_hang_up(f"Done. We will call you back in {minutes} minutes. Goodbye."))

    @staticmethod
    async def _signal(delivery: Awaitable[None], call_sid: str) -> None:
        """Statuses come late and repeat: one for a workflow that is over is no fault.

        One that cannot be told now is told never, for the carrier does not repeat it: workflows ask the carrier for
        what they do not hear.
        """
        try:
            await delivery
        except Rejected:
            log.info("status_for_closed_workflow", call_sid=call_sid)
        except PortError:
            STATUSES_LOST.inc()
            log.warning("status_lost", call_sid=call_sid)


def _count(request: Request, name: str) -> int:
    """How often something happened in this call already, by our own address."""
    return int(request.query_params.get(name, "0"))


def _caller(form: Form, callback_of: str = "") -> CallStarted:
    """The call as a webhook knows it; its workflow, which as a rule runs already, knows it better."""
    ours, theirs = ("From", "To") if callback_of else ("To", "From")
    return CallStarted(
        call_sid=form["CallSid"],
        from_number=form.get(theirs, ""),
        to_number=form.get(ours, ""),
        started_at=datetime.now(UTC).isoformat(),
        direction=Direction.CALLBACK if callback_of else Direction.INBOUND,
        callback_of=callback_of,
    )
