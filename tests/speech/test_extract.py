"""Which sentences of an article are spoken."""

from firstline.speech.extract import extract

ARTICLE = """# Reset your password

To reset your password, choose **Forgot password?** on the sign-in page.

## If the reset email does not arrive

- Wait 5 minutes and look in your spam folder.
- You can ask for at most 3 reset emails in an hour.

## Reset link expired

Error E-103 means that the link was used before. Ask for a new one.
"""


def said(question: str) -> str:
    """What is spoken of the article."""
    found = extract(question, [{"article_id": "reset-password", "text": ARTICLE}])
    assert found is not None
    return found.text


def test_under_a_heading_that_asks_the_question_it_begins_at_the_beginning() -> None:
    assert said("What can I do if the reset email does not arrive?").startswith("Wait 5 minutes")


def test_a_sentence_that_answers_by_itself_is_spoken_from_itself() -> None:
    assert said("How many reset emails can I ask for in an hour?").startswith("You can ask for at most 3")


def test_the_lead_answers_what_the_article_is_about() -> None:
    assert said("How do I reset my password?").startswith("To reset your password")
