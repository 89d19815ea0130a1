"""Which numbers are rung back."""

from zoneinfo import ZoneInfo

import pytest

from firstline.domain.phone import phone_problem, withheld, zones_of

NORTH_AMERICA = frozenset({"US", "CA"})


@pytest.mark.parametrize("phone", ["+14155552671", "+14165550123", "+15550100999"])
def test_a_number_of_an_allowed_country_is_rung(phone: str) -> None:
    assert phone_problem(phone, NORTH_AMERICA) is None


@pytest.mark.parametrize(
    ("phone", "why"),
    [
        ("+442079460958", "that country (GB)"),
        ("+18765551234", "that country (JM)"),
        ("+19005551234", "premium-rate"),
        ("+12345", "no such phone number"),
        ("+99912345678", "international format"),
        ("five five five", "international format"),
        ("", "international format"),
    ],
)
def test_any_other_is_refused_in_one_line(phone: str, why: str) -> None:
    problem = phone_problem(phone, NORTH_AMERICA)

    assert problem is not None
    assert why in problem
    assert "\n" not in problem


def test_a_number_says_where_its_owner_may_live() -> None:
    assert zones_of("+14155552671") == (ZoneInfo("America/Los_Angeles"),)


@pytest.mark.parametrize("phone", ["+15550100999", "+18005551234", "nobody"])
def test_or_it_does_not(phone: str) -> None:
    assert zones_of(phone) == ()


@pytest.mark.parametrize("phone", ["+266696687", "anonymous", "Restricted", "+7378742833", "+86282452253", ""])
def test_a_withheld_number_is_known_as_one(phone: str) -> None:
    assert withheld(phone)


def test_a_number_that_is_shown_is_not_withheld() -> None:
    assert not withheld("+15550100999")
