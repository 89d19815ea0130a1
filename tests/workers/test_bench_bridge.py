"""The bridge's benchmark measures what it says it measures; its figures are no test's business."""

import signal
import subprocess
import sys
import time

import psutil

from workers.bench.bridge.model import Pace
from workers.bench.bridge.run import run_bridge_bench
from workers.bench.bridge.soak import WATCHED, growth, run_soak
from workers.bench.bridge.stamps import read_stamp, stamped
from workers.bench.bridge.trouble import run_flood


async def test_a_short_run_loses_no_frame_and_knows_what_was_heard() -> None:
    report = await run_bridge_bench(calls=4, seconds=4, rounds=1, pace=Pace(answer_s=1.5, pause_s=0.5))

    [[relay, bridge]] = report["rounds"]
    assert (relay["what"], bridge["what"]) == ("bare relay", "bridge")
    assert bridge["frames_dropped"] == 0
    assert bridge["truncation_error_p50"] is not None
    assert report["turn_every_s"] == 4.6
    assert report["cpu_ratio"] > 0
    assert report["memory_per_call_kib"] > 0
    assert bridge["first_call_mib"] > 0


def test_a_stamp_travels_in_the_audio() -> None:
    age, number = read_stamp(stamped(20, number=7))

    assert number == 7
    assert 0 <= age < 1000


async def test_a_short_soak_sees_calls_end_and_others_in_their_place() -> None:
    report = await run_soak(calls=40, minutes=0.06)

    idle, *_, last = report["samples"]
    assert (idle["live_calls"], last["live_calls"]) == (0, 40)
    assert report["calls_ended"] > 0
    assert report["grew"]["fds"] == 0
    assert "fds" not in report["growing"]


def test_what_leaks_is_told_from_what_goes_up_and_down() -> None:
    def sample(minute: int) -> dict[str, float]:
        wave = 8 * (minute % 4)
        grown = {"fds": 100 + minute, "blocks": 400_000 + 900 * minute, "rss_mib": 100 + wave, "p99_ms": 9 * minute}
        return {**dict.fromkeys(WATCHED, 100), "minute": minute, "calls_ended": 50 * minute, **grown}

    report = growth([sample(minute) for minute in range(31)])

    assert report["growing"] == ["fds", "blocks"]


async def test_a_flood_is_cut_each_time_and_every_call_goes_on() -> None:
    report = await run_flood(calls=3, seconds=1)

    assert report["flooder"]["cut"] >= 1
    assert report["calls_alive"] == 3


def test_that_is_told_to_end_ends_the_process_under_test_first() -> None:
    command = [sys.executable, "-m", "workers.cli", "bench", "bridge", "--calls", "1", "--seconds", "300"]
    with psutil.Popen(command, stdout=subprocess.DEVNULL) as bench:
        while not (under_test := bench.children()):
            assert bench.poll() is None
            time.sleep(0.02)  # nobody tells when a process has begun

        bench.send_signal(signal.SIGTERM)

        assert bench.wait(20) == 143
    assert not any(process.is_running() for process in under_test)
