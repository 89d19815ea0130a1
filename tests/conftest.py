"""Fixtures live in `tests/fixtures`, one module a server or model."""

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.knowledge",
    "tests.fixtures.bucket",
    "tests.fixtures.temporal",
    "tests.fixtures.simulators",
]
