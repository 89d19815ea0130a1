"""Nothing of one machine, one registry or one account is committed."""

import re

import pytest

from tests.house.repository import ROOT, committed_texts

# Put together here, so that this file does not contain what it looks for.
_FOLDERS = "|".join(("work", "root", "tmp", "home/[a-z][a-z0-9_-]*", "Users/[A-Za-z][A-Za-z0-9._-]*", "opt/pypi"))
_HOSTS = (
    *("pypi." + "org", "python" + "hosted", "registry.npm" + "js", "proxy.golang" + ".org", "deb.debian" + ".org"),
    *("arti" + "factory", "download.pytorch" + ".org", "ghcr" + ".io", "quay" + ".io"),
)
FORBIDDEN = {
    "a folder of somebody's machine": re.compile(rf"(?<![\w.~:/<}}\])-])/(?:{_FOLDERS})/[\w.-]"),
    "a home on Windows": re.compile(r"[A-Z]:\\" + r"Users\\"),
    "a package registry's host": re.compile("|".join(re.escape(host) for host in _HOSTS)),
    "a private key": re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----"),
    "an OpenAI key": re.compile(r"\bsk-" + r"(?:proj-)?[A-Za-z0-9]{20,}"),
    "an AWS key": re.compile(r"\bAKIA" + r"[0-9A-Z]{16}\b"),
    "a password in a URL": re.compile(r"://\w+:[^\s@/$:{<]{3,}@(?!127\.0\.0\.1|localhost|host\b|example)[\w.-]+"),
}

# A Twilio AccountSid is 32 hexadecimal digits; one that is made up repeats itself.
_ACCOUNT = re.compile(r"\bAC([0-9a-f]{32})\b")


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_committed_text_contains(what: str) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in committed_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]

    assert found == [], f"{what} is in {len(found)} lines"


def test_no_committed_text_contains_a_real_looking_twilio_account() -> None:
    found = [
        f"{name}: AC{digits}"
        for name, text in committed_texts()
        for digits in _ACCOUNT.findall(text)
        if len(set(digits)) > 10 and digits not in "0123456789abcdef" * 3
    ]

    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a folder of somebody's machine", "open('/" + "home/ann/recordings/a.wav')"),
        ("a folder of somebody's machine", "cd /" + "work/main"),
        ("a folder of somebody's machine", "cache = /" + "Users/ann/cache"),
        ("a home on Windows", "C:" + "\\Users\\ann"),
        ("a package registry's host", "--index-url https://" + "pypi." + "org/simple"),
        ("an AWS key", "AKIA" + "ABCDEFGHIJKLMNOP"),
        ("a password in a URL", "postgresql://ann:" + "hunter22@db.internal/x"),
    ],
)
def test_a_line_that_must_not_be_committed_is_recognised(what: str, line: str) -> None:
    assert FORBIDDEN[what].search(line)


@pytest.mark.parametrize(
    "line",
    [
        "https://example.com/home/ann/x",
        "postgresql://user:password@host:5432/database",
        "/var/lib/firstline/spool",
        "see tests/" + "work/item.py",
    ],
)
def test_a_line_that_may_be_committed_is_left_alone(line: str) -> None:
    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(line)] == []


def test_the_files_that_hold_secrets_and_state_are_ignored() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()

    assert {".env", ".firstline/", ".venv/"} <= set(ignored)
