"""What the agent must not handle itself, and what a caller says who wants a person.

The categories are the case study's must-refuse list. They are recognised in the *caller's* words, by patterns that
the support lead can read and extend; a model's opinion plays no part (design: the gate, not the model, causes effects).
"""

import re
import unicodedata
from enum import StrEnum


class RefuseCategory(StrEnum):
    """Topics that always go to a person."""

    BILLING_DISPUTE = "billing_dispute"
    CHURN_SAVE = "churn_save"
    LEGAL_ESCALATION = "legal_escalation"
    RETENTION_OFFER = "retention_offer"
    REFUND_PROMISE = "refund_promise"


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{alternative})" for alternative in alternatives))


_CHARGE = r"(?:charg|bill|invoic|debit)\w*"
_WRONG = r"(?:twice|double|two times|wrong(?:ly)?|incorrect(?:ly)?|too much|overcharg\w*|mistake|error|never|without)"

# Order matters: a caller who threatens a lawsuit over a refund is first of all a legal matter.
_CATEGORIES: list[tuple[RefuseCategory, re.Pattern[str]]] = [
    (
        RefuseCategory.LEGAL_ESCALATION,
        _any(
            r"\b(?:lawyers?|attorneys?|lawsuit|litigation|legal action|legal department|legal team|small claims|subpoena)\b",
            r"\b(?:sue|suing) (?:you|your|the company|them|over|for)\b",
            r"\btake (?:you|this|the company) to court\b",
            r"\b(?:report|complain\w*|complaint) (?:you )?(?:to|with) (?:the )?(?:ftc|attorney general|regulator|consumer)",
            r"\b(?:gdpr|breach of contract|data protection) (?:complaint|claim|violation)\b|\bbreach of contract\b",
            r"\b(?:abogad[oa]s?|demanda legal|demandar(?:los|les|te)?|acciones? legales?|juicio|tribunal(?:es)?)\b",
        ),
    ),
    (
        RefuseCategory.REFUND_PROMISE,
        _any(
            r"\brefund(?:s|ed|ing)?\b(?! policy)",
            r"\b(?:get|want|give|need|have)\b.{0,12}\bmoney back\b",
            r"\breembols\w*\b",
            r"\bdevol\w+\b.{0,20}\bdinero\b",
            r"\bcredit (?:my|our) (?:account|card) back\b",
        ),
    ),
    (
        RefuseCategory.BILLING_DISPUTE,
        _any(
            rf"\b{_CHARGE}\b.{{0,40}}\b{_WRONG}\b",
            rf"\b{_WRONG}\b.{{0,40}}\b{_CHARGE}\b",
            r"\bovercharg\w*\b",
            r"\b(?:disput\w+|contest\w*|chargeback)\b.{0,40}\b(?:charge|bill|invoice|payment|it)\b|\bchargeback\b",
            r"\b(?:don'?t|do not|didn'?t|did not) (?:recogni[sz]e|authori[sz]e|agree (?:to|with))\b.{0,30}\b(?:charge|bill|invoice|payment)",
            r"\b(?:charged|billed) (?:me|us|my card) (?:for something|again|after)\b",
            r"\bcobr\w+\b.{0,40}\b(?:dos veces|doble|de mas|mal|error|por error|duplicad\w+)\b",
            r"\b(?:error|equivocad\w+|incorrect\w+|doble)\b.{0,40}\b(?:factura|cobro|cargo)\b",
            r"\b(?:factura|cobro|cargo)\b.{0,40}\b(?:error|equivocad\w+|incorrect\w+|doble|dos veces)\b",
        ),
    ),
    (
        RefuseCategory.RETENTION_OFFER,
        _any(
            r"\b(?:discount|better (?:price|deal|offer)|lower price|special offer|free months?)\b.{0,60}\b(?:stay|keep|renew|leav\w+|or (?:i|we)|otherwise|loyal\w*)\b",
            r"\b(?:stay|keep|renew|leav\w+|loyal\w*)\b.{0,60}\b(?:discount|better (?:price|deal|offer)|lower price|special offer|free months?)\b",
            r"\b(?:give|offer|get) (?:me|us) (?:a |some |another )?(?:discount|better (?:price|deal|offer)|free months?)\b",
            r"\b(?:match|beat) (?:their|a competitor'?s?|the competitor'?s?) (?:price|offer)\b",
            r"\bdescuento\b.{0,60}\b(?:quedar\w*|renovar|seguir|fidelidad)\b|\b(?:darme|hacerme|ofrecerme) un descuento\b",
        ),
    ),
    (
        RefuseCategory.CHURN_SAVE,
        _any(
            r"\b(?:cancel\w*|terminat\w+|end(?:ing)?|close|closing)\b.{0,25}\b(?:subscription|contract|account|plan|service|membership)\b",
            r"\b(?:switch\w*|mov(?:e|ing)|leav\w+|going)\b.{0,15}\b(?:to (?:a |your |another )?(?:competitor|vendor|provider)|(?:you|your company) for)\b",
            r"\b(?:don'?t|do not) want to (?:renew|be a customer)\b|\bnot (?:going to |gonna )?renew(?:ing)?\b",
            r"\bcancel(?:ar|o|amos|e)\b.{0,30}\b(?:suscripcion|contrato|cuenta|plan|servicio)\b",
            r"\bdar(?:me|nos)? de baja\b",
        ),
    ),
]

_PERSON = (
    r"(?:person|human(?: being)?|agent|representative|rep|operator|someone|somebody|real (?:person|human)|live (?:agent|person)"
    r"|supervisor|manager|support (?:person|agent|rep)|member of (?:staff|the team))"
)
_ASKS_FOR_PERSON = _any(
    rf"\b(?:speak|talk|connect(?: me)?|transfer(?: me)?|put me through|get me|hand me over)\b.{{0,20}}\b(?:with|to|through)?\b.{{0,12}}\b{_PERSON}\b",
    rf"\b(?:i want|i need|i'?d like|give me|can i (?:have|get)) (?:a |an |the |your )?(?:real |live |actual )?{_PERSON}\b(?! (?:to|who|account|role|id))",
    r"^(?:please )?(?:a )?(?:real |live )?(?:human|representative|operator|agent|real person)(?: please)?$",
    r"\b(?:hablar|comunicar(?:me)?|pasar?(?:me)?|transferir(?:me)?)\b.{0,20}\b(?:persona|humano|agente|representante|operador\w*|alguien|supervisor\w*)\b",
)


_NO_PART_OF_A_WORD = re.compile(r"[^\w\s']")


def normalise(text: str) -> str:
    """Lower case, straight apostrophes, no accents, single spaces: what the patterns are written for."""
    return " ".join(plain_words(text))


def plain_words(text: str) -> list[str]:
    """The words of the normalised text."""
    plain = text
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text.replace("’", "'"))
        plain = "".join(c for c in plain if not unicodedata.combining(c))
    return _NO_PART_OF_A_WORD.sub(" ", plain.lower()).split()


def refuse_category(text: str) -> RefuseCategory | None:
    """The must-refuse category that the caller's words fall under, or None."""
    words = normalise(text)
    return next((category for category, pattern in _CATEGORIES if pattern.search(words)), None)


def asks_for_person(text: str) -> bool:
    """Whether the caller asked, in so many words, for a person."""
    return _ASKS_FOR_PERSON.search(normalise(text)) is not None
