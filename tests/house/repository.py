"""Where the repository is, and what belongs to it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def committed() -> list[Path]:
    """Every file that git tracks and that is there, or is about to be tracked: not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = sorted({ROOT / name for name in listed.stdout.decode().split("\0") if name})
    assert paths, "git lists no file"
    return [path for path in paths if path.is_file()]


def committed_texts() -> Iterator[tuple[str, str]]:
    """Name and text of every file that is text."""
    for path in committed():
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            yield str(path.relative_to(ROOT)), data.decode("utf-8", "replace")
