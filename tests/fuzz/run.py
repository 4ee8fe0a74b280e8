"""Coverage-guided fuzzing of one parser: `python -m tests.fuzz.run TARGET --seconds 20 [--keep FOLDER]`.

Exit code 0: nothing but `TutelaError` came out. Otherwise atheris prints the traceback, and the input lies in the
folder of `--keep`; `--replay FILE` runs it again. Without a target, their names are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

#: seconds and MiB that one input may take
SLOWEST, LARGEST = 20, 3000


def main() -> None:
    """Read the command line, then fuzz until the time is over; libFuzzer ends the process."""
    reader = argparse.ArgumentParser(
        prog="python -m tests.fuzz.run", description=(__doc__ or "").split("\n")[0]
    )
    reader.add_argument("target", nargs="?", default="")
    reader.add_argument("--seconds", type=int, default=20)
    reader.add_argument("--keep", type=Path, default=Path())
    reader.add_argument("--replay", type=Path)
    chosen = reader.parse_args()
    if chosen.replay or not chosen.target:
        _without_engine(chosen.target, chosen.replay)
        return
    import atheris

    with atheris.instrument_imports(include=["tutela"]):
        from tests.fuzz.targets import TARGETS
    from tutela.errors import TutelaError

    target = TARGETS[chosen.target]

    def once(data: bytes) -> None:
        with contextlib.suppress(TutelaError):
            target.run(data)

    with tempfile.TemporaryDirectory(prefix="tutela-corpus-") as folder:
        for number, seed in enumerate(target.seeds()):
            (Path(folder) / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={chosen.seconds}", f"-max_len={target.longest}", f"-timeout={SLOWEST}",
            f"-rss_limit_mb={LARGEST}", f"-artifact_prefix={chosen.keep}/", "-print_final_stats=1", "-verbosity=0",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options, folder], once)
        atheris.Fuzz()


def _without_engine(name: str, file: Path | None) -> None:
    from tests.fuzz.targets import TARGETS

    if file is None:
        print("\n".join(TARGETS))
        return
    TARGETS[name].run(file.read_bytes())


if __name__ == "__main__":
    main()
