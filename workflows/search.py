"""The search attributes by which people find calls, handoffs and callbacks in the Temporal UI."""

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

OUTCOME = SearchAttributeKey.for_keyword("Outcome")
LANGUAGE = SearchAttributeKey.for_keyword("Language")
HANDOFF_REASON = SearchAttributeKey.for_keyword("HandoffReason")
DEFLECTED = SearchAttributeKey.for_bool("Deflected")
TURNS = SearchAttributeKey.for_int("Turns")
CALLER_NUMBER = SearchAttributeKey.for_keyword("CallerNumber")
FLAGS = SearchAttributeKey.for_keyword_list("Flags")


def of_caller(number: str, language: str) -> TypedSearchAttributes:
    """What a workflow started on behalf of a caller is found by."""
    return TypedSearchAttributes([SearchAttributePair(CALLER_NUMBER, number), SearchAttributePair(LANGUAGE, language)])
