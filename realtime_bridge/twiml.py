"""The TwiML that the bridge answers with, built by Twilio's own library."""

from collections.abc import Mapping

from twilio.twiml.voice_response import Connect, Dial, Gather, VoiceResponse

from firstline.names import FAILSAFE_QUEUE, conference_name

_PRESS_SECONDS = 8


def connect_stream(media_url: str, bridge_url: str, parameters: Mapping[str, str], resumed: int) -> str:
    """Connect the caller to the agent; whatever ends the stream, Twilio asks the action URL what is next."""
    response = VoiceResponse()
    connect = Connect(action=f"{bridge_url}/twilio/connect-done?resumed={resumed}")
    stream = connect.stream(url=media_url, status_callback=f"{bridge_url}/twilio/stream-status")
    for name, value in {**parameters, "resumed": str(resumed)}.items():
        stream.parameter(name=name, value=value)
    response.append(connect)
    response.enqueue(FAILSAFE_QUEUE, action=_queue_done(bridge_url))
    return str(response)


def wait_for_person(call_sid: str, bridge_url: str) -> str:
    """Hold the caller in the conference of their handoff."""
    response = VoiceResponse()
    dial = Dial(action=f"{bridge_url}/twilio/dial-done?handoff={call_sid}")
    dial.conference(
        conference_name(call_sid),
        start_conference_on_enter=False,
        end_conference_on_exit=True,
        status_callback=f"{bridge_url}/twilio/conference?handoff={call_sid}",
        status_callback_event="start end join leave",
    )
    response.append(dial)
    return str(response)


def join_as_rep(call_sid: str) -> str:
    """Bring the rep who accepted into the caller's conference, which starts it."""
    response = VoiceResponse()
    dial = Dial()
    dial.conference(conference_name(call_sid), start_conference_on_enter=True, end_conference_on_exit=True)
    response.append(dial)
    return str(response)


def press_again(action: str) -> str:
    """Ask a rep once more for the 1."""
    gather = Gather(num_digits=1, timeout=_PRESS_SECONDS, action=action)
    gather.say("Sorry, once more: press 1 to take the call.")
    response = VoiceResponse()
    response.append(gather)
    response.hangup()
    return str(response)


def failsafe(say: str, bridge_url: str) -> str:
    """The queue that people answer when everything else has failed."""
    return wait_in_queue(bridge_url, say)


def wait_in_queue(bridge_url: str, say: str = "") -> str:
    """Wait for whoever is free; the bridge is told when the caller leaves."""
    response = VoiceResponse()
    if say:
        response.say(say)
    response.enqueue(FAILSAFE_QUEUE, action=_queue_done(bridge_url))
    return str(response)


def _queue_done(bridge_url: str) -> str:
    return f"{bridge_url}/twilio/queue-done"


def goodbye() -> str:
    """End the call."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def say_and_hang_up(text: str) -> str:
    """One last sentence."""
    response = VoiceResponse()
    response.say(text)
    response.hangup()
    return str(response)


def try_again(url: str) -> str:
    """Ask the same URL again in a second: the control plane did not answer, and the answer must not be lost."""
    response = VoiceResponse()
    response.say("One moment.")
    response.pause(length=1)
    response.redirect(url)
    return str(response)
