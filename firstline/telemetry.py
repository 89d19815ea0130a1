"""Structured logs: one line an event, JSON in production, readable on a terminal."""

import logging
import sys

import structlog


def configure_logs(*, json: bool, level: int = logging.INFO) -> None:
    """Set up structlog for this process; logs go to stderr so that stdout stays a command's result.

    Event names are static, values stand beside them with `call_sid` where there is a call; a caller's words and number
    never enter a log line.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Says the same for every connection it tries; the error that follows is raised and says it once.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
