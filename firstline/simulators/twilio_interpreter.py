"""Runs TwiML on one leg, verb by verb, as Twilio does. Cancelling it is how a redirect or a hang-up interrupts a verb.

Verbs: Connect/Stream, Dial/Conference, Enqueue, Gather, Say, Play, Pause, Redirect, Hangup, Reject. Anything else is
skipped with a `twiml_warning` event.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from firstline.simulators.announcement import Announcement, Hold
from firstline.simulators.mulaw import SILENCE, frames
from firstline.simulators.twilio_call import FromUrl, Inline, Leg, Source
from firstline.simulators.twilio_exchange import Exchange
from firstline.simulators.twilio_gather import collect
from firstline.simulators.twilio_messages import StreamMessages
from firstline.simulators.twilio_stream import MediaStream, new_stream_sid
from firstline.simulators.twilio_twiml import END, BadTwiml, Document, Verb, parse
from firstline.simulators.twilio_webhooks import WebhookFailed


class Interpreter:
    """One leg's program. `exchange` is what the legs of an account share."""

    def __init__(self, leg: Leg, exchange: Exchange) -> None:
        self._leg = leg
        self._exchange = exchange

    async def fetch(self, source: Source, extra: dict[str, str] | None = None) -> Document:
        """The document of a source; when there is none, the fallback URL's or `END` (Twilio's errors 11200, 12100)."""
        try:
            return await self._get(source, extra or {})
        except (WebhookFailed, BadTwiml) as problem:
            code = 11200 if isinstance(problem, WebhookFailed) else 12100
            self._leg.events.add("error", code=code, problem=str(problem))
            if not self._leg.fallback_url:
                return END
            error = {"ErrorCode": str(code), "ErrorUrl": source.url if isinstance(source, FromUrl) else ""}
        try:
            return await self._get(FromUrl(self._leg.fallback_url), error)
        except (WebhookFailed, BadTwiml) as problem:
            self._leg.events.add("error", code=11200, problem=f"fallback: {problem}")
            return END

    async def run(self, document: Document) -> None:
        """Until there is nothing more to do."""
        follow: Document | None = document
        while follow is not None:
            document, follow = follow, None
            for verb in document.verbs:
                follow = await self._perform(verb, document)
                if follow is not None:
                    break

    async def _get(self, source: Source, extra: dict[str, str]) -> Document:
        if isinstance(source, Inline):
            return parse(source.twiml)
        text = await self._exchange.webhooks.send(source.url, self._leg.params() | extra, source.method)
        return parse(text, source.url) if text.strip() else END

    async def _perform(self, verb: Verb, document: Document) -> Document | None:
        """Returns the document to go on with; None goes on with the next verb."""
        self._leg.events.add("verb", name=verb.name)
        match verb.name:
            case "Connect":
                return await self._connect(verb, document)
            case "Dial":
                return await self._dial(verb, document)
            case "Enqueue":
                return await self._enqueue(verb, document)
            case "Gather":
                return await self._gather(verb, document)
            case "Redirect":
                return await self._follow(document.absolute(verb.text), verb)
            case "Hangup" | "Reject":
                return END
            case "Say" | "Play":
                announcement = Announcement()
                with self._leg.line.connected(announcement):
                    await self._announce(announcement, verb, document)
            case "Pause":
                await asyncio.sleep(verb.seconds("length", 1))
            case name:
                self._leg.events.add("twiml_warning", verb=name, problem="not simulated")
        return None

    async def _follow(self, url: str, verb: Verb, extra: dict[str, str] | None = None) -> Document:
        return await self.fetch(FromUrl(url, verb.get("method", "POST")), extra)

    # --- the carrier speaks

    async def _announce(self, announcement: Announcement, verb: Verb, document: Document) -> None:
        for _ in range(int(verb.seconds("loop", 1)) or 1):
            async for audio in self._audio(verb, document):
                announcement.feed(frames(audio))
            await announcement.drained()

    async def _audio(self, verb: Verb, document: Document) -> AsyncIterator[bytes]:
        match verb.name:
            case "Say":
                self._leg.events.add("said", text=verb.text)
                async for audio in self._exchange.speak(verb.text, verb.get("language", "en")):
                    yield audio
            case "Play" if verb.text:
                self._leg.events.add("played", url=verb.text)
                audio = await self._exchange.load(document.absolute(verb.text))
                if not audio:
                    self._leg.events.add("twiml_warning", verb="Play", problem="no sound at this URL")
                yield audio
            case "Pause":
                yield SILENCE * round(verb.seconds("length", 1) * 50)

    async def _gather(self, verb: Verb, document: Document) -> Document | None:
        announcement = Announcement()
        with self._leg.line.connected(announcement):
            self._leg.line.person.asked_for_digits()
            digits = await collect(announcement, verb, self._prompt(announcement, verb, document))
        self._leg.events.add("gathered", digits=digits)
        if not digits and not verb.flag("actionOnEmptyResult", False):
            return None
        action = document.absolute(verb.get("action")) or document.url
        return await self._follow(action, verb, {"Digits": digits, "FinishedOnKey": "", "msg": "Gather End"})

    async def _prompt(self, announcement: Announcement, verb: Verb, document: Document) -> None:
        for child in verb.children:
            await self._announce(announcement, child, document)

    # --- the call is connected to something

    async def _connect(self, verb: Verb, document: Document) -> Document | None:
        noun = verb.child("Stream")
        if noun is None:
            self._leg.events.add("twiml_warning", verb="Connect", problem="only <Stream> is simulated")
            return None
        stream = self._stream(noun, document)
        with self._leg.line.connected(stream):
            await stream.run()
        # A hang-up or a redirect cancels the line above: the action is asked for only when the server closed.
        if not verb.get("action"):
            return None
        return await self._follow(document.absolute(verb.get("action")), verb)

    def _stream(self, noun: Verb, document: Document) -> MediaStream:
        leg = self._leg
        url = noun.get("url")
        parameters = {child.get("name"): child.get("value") for child in noun.children if child.name == "Parameter"}
        messages = StreamMessages(leg.account_sid, leg.sid, new_stream_sid(), parameters)
        callback = document.absolute(noun.get("statusCallback"))

        def notify(event: str, values: dict[str, str]) -> None:
            if callback:
                params = {"AccountSid": leg.account_sid, "CallSid": leg.sid, "StreamSid": messages.stream_sid}
                stamp = {"StreamEvent": event, "Timestamp": datetime.now(UTC).isoformat()}
                leg.callbacks.post(leg.sid, callback, params | stamp | values)

        return MediaStream(url, self._exchange.webhooks.sign(url), messages, leg.events, notify)

    async def _dial(self, verb: Verb, document: Document) -> Document | None:
        noun = verb.child("Conference")
        if noun is None:
            self._leg.events.add("twiml_warning", verb="Dial", problem="only <Conference> is simulated")
            return None
        action = document.absolute(verb.get("action"))
        conference = self._exchange.conferences.named(noun.text)
        seat = conference.join(
            self._leg,
            start_on_enter=noun.flag("startConferenceOnEnter", True),
            end_on_exit=noun.flag("endConferenceOnExit", False),
            callback=document.absolute(noun.get("statusCallback")),
            events=noun.get("statusCallbackEvent", "start end join leave" if noun.get("statusCallback") else ""),
        )
        began = asyncio.get_running_loop().time()
        left = False
        try:
            with self._leg.line.connected(seat):
                await seat.removed.wait()
            left = True
        finally:
            conference.leave(seat)
            seconds = round(asyncio.get_running_loop().time() - began)
            outcome = {"DialCallStatus": "answered", "DialCallDuration": str(seconds)}
            if action and not left:
                # Twilio asks for the action of an interrupted Dial too, and ignores the answer.
                self._leg.callbacks.post(self._leg.sid, action, self._leg.params() | outcome)
        return await self._follow(action, verb, outcome) if action else None

    async def _enqueue(self, verb: Verb, document: Document) -> Document | None:
        action = document.absolute(verb.get("action"))
        with self._exchange.queued(self._leg, verb.text), self._leg.line.connected(Hold()):
            try:
                await asyncio.Event().wait()
            finally:
                if action:
                    result = "hangup" if self._leg.over else "redirected"
                    self._leg.callbacks.post(self._leg.sid, action, self._leg.params() | {"QueueResult": result})
        return None
