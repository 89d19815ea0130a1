"""Whether a number may be rung, and by which clocks its owner may live. Read from the phone number alone."""

from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers.timezone import time_zones_for_geographical_number

_FICTIONAL = "555"
"""An area code that North America never assigns: numbers in it ring nobody but a simulator."""
_PAID_TWICE = frozenset({phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST})
"""Kinds of number that cost whoever rings them more than the call."""
_MOST_ZONES = 4
_WITHHELD_WORDS = ("anonymous", "blocked", "private", "restricted", "unavailable", "unknown")
_ON_A_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_WITHHELD = {*_WITHHELD_WORDS, *(f"+{word.translate(_ON_A_KEYPAD)}" for word in _WITHHELD_WORDS)}
"""What carriers put in the place of a number that is not shown; Twilio spells the word on a keypad (+266696687)."""
_UNKNOWN_ZONE = "Etc/Unknown"


def phone_problem(phone: str, countries: frozenset[str]) -> str | None:
    """Why this number is not rung, in one line for the model to say; None when it is.

    `phone` should be E.164; `countries` are ISO 3166 codes such as `US`.
    """
    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return "the phone number is not in international format, like +15551234567"
    country = _country(number)
    if country is None or not phonenumbers.is_possible_number(number):
        return "there is no such phone number"
    if country not in countries:
        return f"we do not call numbers in that country ({country})"
    if phonenumbers.number_type(number) in _PAID_TWICE:
        return "we do not call premium-rate numbers"
    return None


def withheld(phone: str) -> bool:
    """Whether a caller does not show their number, as the carrier says it: nobody can be rung back there."""
    return not phone or phone.lower() in _WITHHELD


def zones_of(phone: str) -> tuple[ZoneInfo, ...]:
    """The time zones that the number's area lies in; none when the number does not say."""
    try:
        named = time_zones_for_geographical_number(phonenumbers.parse(phone, None))
    except phonenumbers.NumberParseException:
        return ()
    # A number of a whole country lies in all of its zones: that says nothing of where its owner is.
    known = [name for name in named if name != _UNKNOWN_ZONE]
    return tuple(ZoneInfo(name) for name in known) if len(known) <= _MOST_ZONES else ()


def _country(number: phonenumbers.PhoneNumber) -> str | None:
    if number.country_code == 1 and str(number.national_number).startswith(_FICTIONAL):
        return "US"
    country: str | None = phonenumbers.region_code_for_number(number)
    return country
