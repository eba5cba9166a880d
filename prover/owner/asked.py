"""What becomes of a list of people to forget: whose rows there are, who was never in, and who is not known."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import require_type
from ...shown import Facts, Shown
from ..tables.ids import Listed, hints, listed_ids, unknown_ids
from .dataset import Dataset

NOBODY_HAS_A_ROW = "nobody of the list of ids has a row, so it forgets nothing"
NEVER_IN = "left out when the data were committed"
_FORMS = (str.lower, str.upper)  # in which a list may have an id that was left out


@dataclass(frozen=True, repr=False)  # ids stay out of logs
class Asked(Shown):
    """A list of ids, and what became of each.

    Attributes:
        positions: of all rows of those who are in the data set, increasing.
        found: their ids, in the order of the list, each once.
        never_in: ids of those who were left out when the data were committed, so that nothing is to be forgotten.
        skipped: texts that are not in the data set, each with what it may have been meant for, in words.
        repeated: ids that the list has more than once, and that count once.
        respelled: ids that the list has in another form (Unicode's, or with white space at its ends), as it
            writes them, by their texts.
    """

    positions: tuple[int, ...] = ()
    found: tuple[str, ...] = ()
    never_in: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
    respelled: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """See Shown: numbers only."""
        return (("found", len(self.found)), ("never in", len(self.never_in)), ("skipped", len(self.skipped)))

    @property
    def finds_nobody(self) -> bool:
        """Whether somebody is in the list, and nobody of it in the data set."""
        return bool(self.never_in or self.skipped) and not self.found

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of the list, without an id: notes are logged."""
        return tuple(_notes(self))


NOBODY_ASKED = Asked()


def _notes(asked: Asked) -> Iterator[str]:
    if asked.finds_nobody:
        yield NOBODY_HAS_A_ROW
    for count, text in (
        (len(asked.never_in), f"never in: {NEVER_IN}"),
        (len(asked.skipped), "not in the data set, and skipped"),
        (len(asked.repeated), "in it more than once, and counted once"),
        (len(asked.respelled), "in it in another form than in the data set"),
    ):
        if count:
            yield f"of the list of ids {count:,} {'is' if count == 1 else 'are'} {text}"


def ask(dataset: Dataset, ids: Iterable[object], skip_unknown: bool = False, what: str = "forget") -> Asked:
    """Look up a list of ids.

    Args:
        ids: texts or integers; naming one twice does no harm.
        skip_unknown: whether to go on without those that are not in the data set.
        what: they are, for messages.

    Raises:
        DataError: no list, or what is no text and no integer; or, unless they are skipped, ids that are not in the data
            set, naming up to fifty and what they may have been meant for.
        ParameterError: `skip_unknown` is of another type.
    """
    require_type("skip_unknown", skip_unknown, bool)
    listed = listed_ids(ids, what)
    positions, missing = dataset.rows.found(listed.names)
    never_in = () if dataset.left_out is None else dataset.left_out.among(missing)
    gone, out = {*missing}, {*never_in}
    unknown = [name for name in (*missing, *listed.unusable) if name not in out]
    if unknown and not skip_unknown:
        raise unknown_ids(unknown, dataset.ids, _left_out_forms(dataset, unknown))
    found = tuple(name for name in listed.names if name not in gone)
    return Asked(positions, found, never_in, _skipped(dataset, unknown), *_written(listed, {*found, *never_in}))


def _skipped(dataset: Dataset, unknown: Sequence[str]) -> Mapping[str, str]:
    return hints(unknown, dataset.ids, _left_out_forms(dataset, unknown)) if unknown else {}


def _written(listed: Listed, known: set[str]) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """How ids that are known are written in a list."""
    respelled = {name: text for name, text in listed.respelled.items() if name in known}
    return listed.repeated, respelled


def _left_out_forms(dataset: Dataset, unknown: Sequence[str]) -> set[str]:
    """Texts that are an id that was left out, in another form."""
    if dataset.left_out is None:
        return set()
    found: set[str] = set()
    for form in _FORMS:
        formed = [unicodedata.normalize("NFC", form(name)) for name in unknown]
        found |= {name for name, known in zip(unknown, dataset.left_out.knows(formed), strict=True) if known}
    return found
