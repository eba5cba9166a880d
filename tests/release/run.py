"""`make dist-check`: installs what `make dist` built into fresh environments, and uses it there. `run.py [word ..]`.

The sdist and the wheel each under every Python of this machine that the package is for, with the newest packages that
are allowed; the wheel under the oldest Python with the oldest ones, too (constraints-oldest.txt). Words choose among
environments by parts of their names. Nothing of the checkout is on the path there, but for frozen proofs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bounds import CONSTRAINTS, ROOT, oldest_python, version
from scripts import EXTRAS_OF_OLDEST, in_use, of_export, of_readme

FROZEN = ROOT / "tests" / "vectors" / "frozen"
PROOF, DATASET = FROZEN / "training.v7.proof", FROZEN / "dataset.v4.proof"
NEWEST_MINOR = 30  # of Python 3, that is looked for
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def pythons() -> dict[tuple[int, int], Path]:
    """The interpreters of this machine that the package is for, by their versions: on the path, or pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found: dict[tuple[int, int], Path] = {}
    for minor in range(oldest_python()[1], NEWEST_MINOR):
        name = f"python3.{minor}"
        on_path = shutil.which(name)
        candidates = [*([Path(on_path)] if on_path else []), *sorted(pyenv.glob(f"3.{minor}.*/bin/{name}"))]
        working = [path for path in candidates if runs(path, (3, minor))]
        if working:
            found[(3, minor)] = working[0]
    return found


def runs(python: Path, wanted: tuple[int, int]) -> bool:
    """Whether this is an interpreter of that version: what pyenv puts on the path may say no."""
    code = "import sys, venv; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.split() == list(map(str, wanted))


@dataclass(frozen=True)
class Environment:
    """A fresh one.

    Attributes:
        name: of the distribution, the Python and the packages.
        python: whose it is.
        distribution: what is installed.
        oldest: whether with the oldest packages that are allowed.
    """

    name: str
    python: Path
    distribution: Path
    oldest: bool

    def check(self, folder: Path) -> None:
        """Install and use it. Raises CalledProcessError."""
        self._run(folder, [str(self.python), "-m", "venv", str(folder / "venv")])
        (folder / "cwd").mkdir()
        self._install(folder, "")
        self._step(folder, "import", [self._bin(folder, "python"), "-c", in_use(version())])
        self._step(folder, "help", [self._bin(folder, "zkunlearn"), "--help"])
        self._verify(folder)
        self._install(folder, f"[{EXTRAS_OF_OLDEST}]" if self.oldest else "[prover]")
        self._step(folder, "README", [self._bin(folder, "python"), "-c", of_readme()])
        if self.oldest:
            self._step(folder, "exports", [self._bin(folder, "python"), "-c", of_export()])
        self._step(folder, "pip check", [self._bin(folder, "python"), "-m", "pip", "check"])

    def _install(self, folder: Path, extras: str) -> None:
        pins = ["-c", str(CONSTRAINTS)] if self.oldest else []
        pip = [self._bin(folder, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        self._step(folder, f"install{extras}", [*pip, *pins, f"{self.distribution}{extras}"])

    def _verify(self, folder: Path) -> None:
        """A proof, and the same with a byte changed, without any extra."""
        verify, pin = [self._bin(folder, "zkunlearn"), "verify"], ["--dataset", str(DATASET)]
        self._step(folder, "verify", [*verify, str(PROOF), *pin])
        data = bytearray(PROOF.read_bytes())
        data[len(data) // 2] ^= 1
        damaged = folder / "damaged.proof"
        damaged.write_bytes(data)
        self._step(folder, "verify a damaged one", [*verify, str(damaged), *pin], expected=1)

    def _step(self, folder: Path, what: str, command: Sequence[str], expected: int = 0) -> None:
        begun = perf_counter()
        self._run(folder / "cwd", command, expected)
        print(f"  {what}: {perf_counter() - begun:.1f} s", flush=True)

    @staticmethod
    def _run(folder: Path, command: Sequence[str], expected: int = 0) -> None:
        clean = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True)
        if done.returncode != expected:
            print(f"{' '.join(command)[:300]}\nended by {done.returncode}, not {expected}:")
            print((done.stdout + done.stderr)[-4000:], flush=True)
            raise subprocess.CalledProcessError(done.returncode, command)

    @staticmethod
    def _bin(folder: Path, program: str) -> str:
        return str(folder / "venv" / SCRIPTS / program)


def environments() -> list[Environment]:
    """All of them. Exits if there is nothing to install, or no Python."""
    found = pythons()
    (wheel,), (sdist,) = (
        list((ROOT / "dist").glob(f"zkunlearn-{version()}{end}")) or sys.exit("no dist/: run `make dist` first")
        for end in ("-*.whl", ".tar.gz")
    )
    if not found:
        sys.exit("found no Python that the package is for")
    all_of_them = [
        Environment(f"{kind} {'.'.join(map(str, number))} newest", python, distribution, False)
        for number, python in found.items()
        for kind, distribution in (("wheel", wheel), ("sdist", sdist))
    ]
    if oldest_python() in found:
        all_of_them.append(Environment("wheel oldest", found[oldest_python()], wheel, True))
    else:
        print(f"NOT TRIED: the oldest packages, for there is no Python {'.'.join(map(str, oldest_python()))}")
    return all_of_them


def main() -> None:
    """Check those that the command line chooses, one after the other."""
    failed = []
    for environment in environments():
        if not all(word in environment.name for word in sys.argv[1:]):
            continue
        print(environment.name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                environment.check(Path(folder))
            except subprocess.CalledProcessError:
                failed.append(environment.name)
    print(f"FAILED: {', '.join(failed)}" if failed else "all passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
