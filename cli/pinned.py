"""What an auditor names beside the files to verify: the options of `verify` and `countersign`, and the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import reduce, wraps
from pathlib import Path
from typing import Any

import click
import zkunlearn as zu

from ..formats.lists import parse_digest, read_digests
from ..verifier.trust.signatures import Demand
from .endorsed import Demanded
from .exits import require_memory
from .options import FILE, hexadecimal, load_previous
from .output import Output
from .receipts import read_receipts
from .verdicts import Evidence, Verdict, judge_all, read_all

_OPTIONS = (
    click.option(
        "--dataset",
        "dataset_file",
        type=FILE,
        metavar="FILE.commitment",
        help="The data set of a training proof, if it is neither among FILEs nor beside the proof.",
    ),
    click.option("--spec", "spec_file", type=FILE, metavar="SPEC.toml", help="Pin the algorithm."),
    click.option(
        "--forget-file", type=FILE, metavar="P.forgotten", help="Pin the forget list: its record digests, one a line."
    ),
    click.option(
        "--previous",
        "previous_file",
        type=FILE,
        metavar="Q",
        help="Pin the proof, or bundle, that this one supersedes.",
    ),
    click.option(
        "--link",
        "link_files",
        type=FILE,
        multiple=True,
        metavar="L.link",
        help="Leads from the data set of the superseded proof towards this one, if it has grown or was committed "
        "afresh; may be repeated.",
    ),
    click.option(
        "--known-dataset",
        "known",
        type=hexadecimal,
        metavar="DIGEST",
        help="A data set already checked: saves checking it again.",
    ),
    click.option(
        "--noise", "noise_file", type=FILE, metavar="N.noise", help="Of a model with noise, pin what was committed to."
    ),
    click.option("--nonce", type=hexadecimal, metavar="HEX", help="Pin the nonce that was given after that."),
    click.option(
        "--registration",
        "registrations",
        multiple=True,
        metavar="FILE|DIGEST",
        shell_complete=FILE.shell_complete,
        help="Of the data set, a file, or the digest of one already checked: ties records to rows of the matrix. May "
        "be repeated for the files of those that it goes on from.",
    ),
    click.option(
        "--receipts",
        "receipts_folder",
        type=FILE,
        metavar="DIR",
        help="Receipts that forgotten people have shown: how many forgotten rows they tie to rows of the matrix. Needs "
        "the registration among FILEs.",
    ),
    click.option(
        "--inputs",
        "inputs_file",
        type=FILE,
        metavar="FILE.csv",
        help="Of predictions: the table that was predicted; those of another table are not valid.",
    ),
    click.option(
        "--require-owner",
        "owner_file",
        type=FILE,
        metavar="OWNER.pub",
        help="Who has to have signed each FILE as owner.",
    ),
    click.option(
        "--require-auditors",
        "auditors",
        type=click.IntRange(1),
        metavar="N",
        help="How many auditors have to have signed each FILE; each counts once, by whatever key. Needs --keys.",
    ),
    click.option(
        "--keys",
        "keys_folder",
        type=FILE,
        metavar="DIR",
        help="The keys of auditors, NAME.pub each; all of one name are one auditor's.",
    ),
    click.option(
        "--signature",
        "signature_files",
        type=FILE,
        multiple=True,
        metavar="S.signature",
        help="One that is not beside its FILE, where it is looked for as FILE.*.signature; may be repeated.",
    ),
)

Command = Callable[..., None]


@dataclass(frozen=True)
class Given:
    """What the options say; see their help."""

    dataset_file: Path | None
    spec_file: Path | None
    forget_file: Path | None
    previous_file: Path | None
    link_files: Sequence[Path]
    known: bytes | None
    noise_file: Path | None
    nonce: bytes | None
    registrations: Sequence[str]
    receipts_folder: Path | None
    inputs_file: Path | None
    owner_file: Path | None
    auditors: int | None
    keys_folder: Path | None
    signature_files: Sequence[Path]

    @property
    def only_of_proofs(self) -> bool:
        """Whether something is named that receipts do not have."""
        of_training = (self.spec_file, self.forget_file, self.previous_file, self.noise_file, self.nonce)
        options = (*of_training, self.receipts_folder, self.inputs_file)
        return self.signed or any(option is not None for option in options)

    @property
    def signed(self) -> bool:
        """Whether signatures are asked for."""
        return bool(self.signature_files) or any((self.owner_file, self.auditors, self.keys_folder))

    @property
    def anything(self) -> bool:
        """Whether any option is there."""
        return any(getattr(self, each.name) not in (None, ()) for each in fields(self))


def pinning(command: Command) -> Command:
    """The options with which files are verified; the command gets them as `given`."""

    @wraps(command)
    def run(*output: Output, **arguments: Any) -> None:
        own = {each.name: arguments.pop(each.name) for each in fields(Given)}
        command(*output, given=Given(**own), **arguments)

    return reduce(lambda below, option: option(below), reversed(_OPTIONS), run)


def verdicts_on(output: Output, files: Sequence[Path], given: Given) -> list[Verdict]:
    """On all files, each by what it is. Raises what kept the verdict on a single one; UsageError."""
    named = files
    files = [*named, *files_of(given.registrations)]
    demand = demand_of(given)
    pins: dict[str, Any] = {
        **expected(given),
        "previous": None if given.previous_file is None else load_previous(given.previous_file),
        "links": [zu.LinkProof.load(path) for path in given.link_files],
        "known_dataset": given.known,
    }
    require_memory()
    dataset = None if given.dataset_file is None else zu.DatasetCommitment.load(given.dataset_file)
    found = read_all(files)
    _require_use(found, pins | {"dataset": dataset, "receipts": given.receipts_folder}, given.inputs_file)
    shown = () if given.receipts_folder is None else read_receipts(given.receipts_folder)
    if demand is not None:
        demand.read(named, given.signature_files)
    with output.phases("verifying") as progress:
        return judge_all(Evidence(found, dataset, pins, shown, given.inputs_file, demand), progress)


def demand_of(given: Given) -> Demanded | None:
    """Who has to have signed, if somebody has. Raises UsageError; and what keeps a key from being read."""
    if not given.signed:
        return None
    if given.owner_file is None and given.auditors is None:
        raise click.UsageError("--keys and --signature are for --require-owner or --require-auditors")
    if (given.auditors is None) != (given.keys_folder is None):
        raise click.UsageError("--require-auditors needs --keys DIR, and --keys is for that")
    owner = None if given.owner_file is None else zu.PublicKey.load(given.owner_file)
    keys = [] if given.keys_folder is None else zu.load_keys(given.keys_folder)
    return Demanded(Demand(owner, given.auditors or 0, keys))


def expected(given: Given) -> dict[str, Any]:
    """What is expected of a training, beside what it goes on from."""
    return {
        "spec": None if given.spec_file is None else zu.load_spec(given.spec_file),
        "forget": None if given.forget_file is None else read_digests(given.forget_file),
        "noise": None if given.noise_file is None else zu.NoiseCommitment.load(given.noise_file),
        "nonce": given.nonce,
    }


def files_of(registrations: Sequence[str]) -> list[Path]:
    """Registrations as files. Raises UsageError for a digest."""
    if any(parse_digest(named) is not None for named in registrations):
        raise click.UsageError("the digest of a registration does not say of which data set it is: name its file")
    return [*map(Path, registrations)]


def _require_use(found: Sequence[Verdict], pins: dict[str, Any], inputs: Path | None) -> None:
    """Refuse options that pin nothing, or one thing of several proofs; and inputs where nothing is predicted."""
    predictions = [each for each in found if each.proof is None or isinstance(each.proof, zu.PredictionProof)]
    if inputs is not None and not predictions:
        raise click.UsageError("--inputs is what was predicted, and there are no predictions among the files")
    given = [name for name, value in pins.items() if value not in (None, [])]
    trainings = [each for each in found if each.proof is None or isinstance(each.proof, zu.TrainingProof)]
    if given and not trainings:
        raise click.UsageError("only what a training proof says can be pinned, and there is none among the files")
    if set(given) - {"spec", "dataset"} and len(trainings) > 1:
        raise click.UsageError("with several training proofs only --spec and --dataset can be pinned")
