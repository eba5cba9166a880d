"""An owner's folder, its commands, and what has to hold of it at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import zkunlearn as zu
from zkunlearn.errors import DataError, FormatError
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.owner.model import Model

from ..cli.conftest import FORGOTTEN_ID

LEFT_OUT = ("left 1", "left 2")
UNFINISHED = ".zkunlearn-"  # how names of files begin that are being written; docs/owners.md tells of them


@dataclass(frozen=True)
class Owner:
    """A folder with a table, a spec, a data set and a first proof."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def commit_command(self) -> list[object]:
        more = ("--bounds", self.folder / "bounds.toml", "--left-out", self.folder / "left.txt")
        return ["commit", self.folder / "t.csv", "--target", "sick", "--id", "name", *more, "--out", self.data]

    def prove_command(self, out: str, *options: object) -> list[object]:
        return ["prove", self.data, "--spec", self.folder / "spec.toml", "--out", self.folder / out, *options]

    def unlearn_command(self, out: str) -> list[object]:
        return self.prove_command(out, "--forget", FORGOTTEN_ID, "--previous", self.folder / "first.proof", "--fork")

    def load(self) -> Dataset | None:
        """The data set; None if the files say clearly that they are none."""
        try:
            return Dataset.load(self.data)
        except (DataError, FormatError) as error:
            assert str(self.data) in str(error)
            return None

    def proofs(self) -> list[Path]:
        return sorted(self.folder.glob("*.proof"))

    def check(self) -> int:
        """Whatever is there under its name is whole; returns the count of spent openings."""
        dataset = self.load()
        assert dataset is not None, "the data set is lost"
        assert dataset.left_out is not None and all(dataset.left_out.knows(LEFT_OUT)), "who was left out is lost"
        for path in self.proofs():
            proof = zu.TrainingProof.load(path)
            zu.verify(proof, dataset.commitment)
            model = Model.load(path.with_name(path.name.removesuffix(".proof") + ".model.opening"))
            assert model.statement == proof.statement
        assert dataset.spent >= 1 + len(self.proofs()), "the data set's own proof, and each one that is on disk"
        return dataset.spent

    def rubbish(self) -> list[str]:
        """Unfinished files that were left behind."""
        return sorted(path.name for path in self.folder.rglob(f"{UNFINISHED}*"))
