"""`make fuzz`: every target under a coverage-guided fuzzer for some seconds. `run.py [seconds] [target ..]`.

Seeds are the kept corpus; what is found goes to build/fuzz. An input that breaks a target is written to
tests/fuzz/regressions, where test_corpus.py will try it from then on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOUND = ROOT / "build" / "fuzz"
SECONDS, LONGEST_INPUT, SLOWEST = 60, 8192, 60


def fuzz(name: str, seconds: int) -> int:
    """One target in a process of its own; its exit code."""
    broken = HERE / "regressions" / name
    for folder in (FOUND / name, broken):
        folder.mkdir(parents=True, exist_ok=True)
    corpus = [str(FOUND / name), str(HERE / "corpus" / name)]
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", f"-timeout={SLOWEST}", "-rss_limit_mb=4096"]
    command = [sys.executable, str(HERE / "run.py"), "--one", name, *corpus, *limits]
    command += [f"-artifact_prefix={broken}/", "-print_final_stats=1", f"-report_slow_units={SLOWEST}"]
    with tempfile.TemporaryDirectory() as own:  # a fuzzer does not end as Python does
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TMPDIR": own})
    if not any(broken.iterdir()):
        broken.rmdir()
    stats: dict[str, str] = dict(line.split(":")[-2:] for line in done.stderr.splitlines() if line.startswith("stat::"))
    tried = stats.get("number_of_executed_units", "?").strip()
    covered = [line.split(" cov: ")[1].split()[0] for line in done.stderr.splitlines() if " cov: " in line]
    print(f"{name}: {tried} inputs, {covered[-1] if covered else '?'} edges", flush=True)
    if done.returncode:
        print(f"{name} FAILED, see tests/fuzz/regressions/{name}:\n{(done.stdout + done.stderr)[-3000:]}", flush=True)
    return done.returncode


def run_one(name: str, arguments: list[str]) -> None:
    """What the process of a target does."""
    import atheris

    # What numba compiles must stay as it is. The library knows whole packages and single modules only.
    compiled = [f"zkunlearn.prover.kernels.{path.stem}" for path in (ROOT / "prover" / "kernels").glob("*.py")]
    with atheris.instrument_imports(include=["zkunlearn"], exclude=compiled):
        from goods import owner, small_owner
        from targets import TARGETS

    owner()
    small_owner()
    atheris.Setup([name, *arguments], TARGETS[name])
    atheris.Fuzz()


def main() -> None:
    from targets import TARGETS

    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    names = [word for word in sys.argv[1:] if not word.isdigit()] or list(TARGETS)
    seconds = numbers[0] if numbers else SECONDS
    with ThreadPoolExecutor(cpu_count()) as pool:
        codes = list(pool.map(lambda name: fuzz(name, seconds), names))
    sys.exit(1 if any(codes) else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run_one(sys.argv[2], sys.argv[3:])
    else:
        main()
