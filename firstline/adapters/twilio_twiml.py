"""The TwiML that the control plane moves calls with, and the bridge's webhooks it points Twilio to."""

from urllib.parse import urlencode

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from firstline.names import FAILSAFE_QUEUE, conference_name

_ACCEPT_SECONDS = 8
_CHOICE_SECONDS = 2


def webhook(bridge_url: str, path: str, **query: str) -> str:
    """A URL of the bridge, its query percent-encoded (a number's `+` would arrive as a space)."""
    url = f"{bridge_url.rstrip('/')}/twilio/{path}"
    return f"{url}?{urlencode(query)}" if query else url


def rep_brief(bridge_url: str, call_sid: str, rep_number: str, brief: str) -> str:
    """What a rung rep hears: the brief, then 8 s to press 1; any other end shows in the status callback."""
    action = webhook(bridge_url, "rep-answer", handoff=call_sid, rep=rep_number)
    gather = Gather(num_digits=1, timeout=_ACCEPT_SECONDS, action=action)
    gather.say(f"{brief} Press 1 to accept this call, or hang up to decline.")
    response = VoiceResponse()
    response.append(gather)
    response.hangup()
    return str(response)


def hold_in_conference(bridge_url: str, call_sid: str) -> str:
    """The caller waits in the conference of the handoff; it begins with the rep and ends with the caller."""
    dial = Dial(action=webhook(bridge_url, "dial-done", handoff=call_sid))
    dial.conference(
        conference_name(call_sid),
        start_conference_on_enter=False,
        end_conference_on_exit=True,
        status_callback=webhook(bridge_url, "conference", handoff=call_sid),
        status_callback_event="start end join leave",
    )
    response = VoiceResponse()
    response.append(dial)
    return str(response)


def failsafe_queue(bridge_url: str, message: str) -> str:
    """The caller hears `message`, may press 1 for a callback until 2 s later, and waits for whoever is free.

    Nothing of it needs the bridge but the key: a caller is queued also when no bridge answers.
    """
    gather = Gather(num_digits=1, timeout=_CHOICE_SECONDS, action=webhook(bridge_url, "failsafe-choice"))
    gather.say(message)
    response = VoiceResponse()
    response.append(gather)
    response.enqueue(FAILSAFE_QUEUE, action=webhook(bridge_url, "queue-done"))
    return str(response)
