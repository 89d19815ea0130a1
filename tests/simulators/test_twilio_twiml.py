"""TwiML documents."""

import pytest

from firstline.simulators.twilio_twiml import BadTwiml, parse


class TestParsing:
    def test_keeps_verbs_nouns_and_attributes(self) -> None:
        document = parse(
            '<Response><Dial action="/x"><Conference endConferenceOnExit="true">room</Conference></Dial></Response>'
        )

        dial = document.verbs[0]
        noun = dial.child("Conference")
        assert (dial.name, dial.get("action"), dial.get("method", "POST")) == ("Dial", "/x", "POST")
        assert noun is not None
        assert (noun.text, noun.flag("endConferenceOnExit", False), noun.flag("muted", False)) == ("room", True, False)

    @pytest.mark.parametrize("text", ["", "<Response>", "<Reply/>", "{}"])
    def test_refuses_what_is_not_twiml(self, text: str) -> None:
        with pytest.raises(BadTwiml):
            parse(text)

    def test_refuses_a_number_that_is_none(self) -> None:
        pause = parse('<Response><Pause length="long"/></Response>').verbs[0]

        with pytest.raises(BadTwiml, match="length of <Pause>"):
            pause.seconds("length", 1)


class TestUrls:
    def test_are_relative_to_the_document(self) -> None:
        document = parse("<Response/>", "http://bridge.test/twilio/voice?x=1")

        assert document.absolute("/done") == "http://bridge.test/done"
        assert document.absolute("") == ""

    def test_of_inline_twiml_stay_as_they_are(self) -> None:
        assert parse("<Response/>").absolute("http://bridge.test/done") == "http://bridge.test/done"
