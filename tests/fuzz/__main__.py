"""Read seeded mutations of Access files, each within 10 seconds and a gigabyte, and say what became of them.

    python -m tests.fuzz                                           20,000 mutations of all files
    python -m tests.fuzz --first 4711 --count 1 --file NAME        repeat one

One process; `--step` shares the seeds among several. The last line names the mutation under way, also when
the interpreter itself ends: then, and after 10 seconds, a traceback of every thread goes to stderr.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil

from tests.fuzz.mutation import Mutation
from tests.fuzz.reading import Seen, read_everything

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "routing_ml.accdb"
REFERENCE = ROOT.parent / "shared" / "access" / "reference"
PASSWORDS = {"db2013-enc.accdb": "1234"}
COUNT = 20_000
LIMIT_S = 10
LIMIT_BYTES = 1 << 30
_MOST_FAILURES = 20
_SALVAGED = 0.25


def sources() -> dict[str, Path]:
    """The files by name, in one order on every machine."""
    return {path.name: path for path in sorted([SAMPLE, *REFERENCE.glob("*.mdb"), *REFERENCE.glob("*.accdb")])}


def shares(files: dict[str, Path]) -> list[float]:
    """How often each file's turn comes: small ones most, and one rarely whose password takes long to spin."""
    return [1 / (path.stat().st_size * (40 if name in PASSWORDS else 1)) for name, path in files.items()]


def mutated(name: str, content: bytes, seed: int) -> bytes:
    return Mutation(content, Random(f"{name} {seed}")).apply()


def salvaged(seed: int) -> bool:
    """Whether the mutation of that seed is read as far as it can be: one of four."""
    return Random(f"salvage {seed}").random() < _SALVAGED


def limit_memory() -> None:
    """Let allocations fail that would take this process over the limit, where the system can: on Linux."""
    if sys.platform != "linux":
        return
    import resource

    now = psutil.Process().memory_info()
    most = now.vms + LIMIT_BYTES - now.rss
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


class Worker:
    """Reads one mutation after the other; keeps the files and the failures."""

    def __init__(self, scratch: Path) -> None:
        self._files = sources()
        self._shares = shares(self._files)
        self._contents = {name: path.read_bytes() for name, path in self._files.items()}
        self._scratch = scratch
        self.seen: Seen = Counter()
        self.failures: list[str] = []

    def warm_up(self) -> None:
        """Read each file as it is: what that takes is no mutation's doing."""
        for name, path in self._files.items():
            for salvage in (False, True):
                seen = read_everything(path, password=PASSWORDS.get(name), salvage=salvage)
                assert set(seen) == {"whole"}, f"{name}: {seen}"

    def run(self, seed: int, name: str | None = None) -> None:
        name = name or Random(seed).choices(list(self._files), self._shares)[0]
        mutation = f"--file {name} --first {seed} --count 1"
        print(mutation, flush=True)
        path = self._scratch / f"{seed}-{name}"
        path.write_bytes(mutated(name, self._contents[name], seed))
        faulthandler.dump_traceback_later(LIMIT_S, exit=True)
        try:
            self.seen += read_everything(path, password=PASSWORDS.get(name), salvage=salvaged(seed))
        except Exception:  # noqa: BLE001  whatever it is, it is what we look for
            self.failures.append(f"python -m tests.fuzz {mutation}\n{traceback.format_exc()}")
        finally:
            faulthandler.cancel_dump_traceback_later()
            with suppress(PermissionError):  # Windows keeps what is still mapped; the folder goes in the end
                path.unlink()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--first", type=int, default=0, help="first seed")
    arguments.add_argument("--count", type=int, default=COUNT, help="seeds, from the first on")
    arguments.add_argument("--step", type=int, default=1, help="take every so many-th seed only")
    arguments.add_argument("--file", choices=list(sources()), help="mutate this file; each seed draws one otherwise")
    options = arguments.parse_args()
    faulthandler.enable()
    warnings.simplefilter("error")  # numpy warns of what overflows
    with tempfile.TemporaryDirectory(prefix="naru-fuzz-", ignore_cleanup_errors=True) as scratch:
        worker = Worker(Path(scratch))
        worker.warm_up()
        limit_memory()
        for seed in range(options.first, options.first + options.count, options.step):
            worker.run(seed, options.file)
            if len(worker.failures) >= _MOST_FAILURES:
                break
    print(*worker.failures, sep="\n", file=sys.stderr)
    print(" ".join(f"{name}={count}" for name, count in sorted(worker.seen.items())))
    sys.stdout.flush()
    sys.exit(bool(worker.failures))


if __name__ == "__main__":
    main()
