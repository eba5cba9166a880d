"""Edits of files as bytes: what is around a payload, and the list of forgotten records, which is text.

How CBOR itself may be misspelt is the matter of tests/formats/test_container.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path

import zkunlearn as zu
from zkunlearn.formats.container import MAGIC, front_of
from zkunlearn.formats.lists import LIST_HEAD, read_digests

from .artefacts import Judge, Owner, answer

Spans = dict[str, bytes]
# Random bytes where a name, a digest or a version is read:
NOISE = r"(?<=this )['\"].{12,}(?= file)|(?<=kind ).{12,}|'.{12,}'(?= is )|(?<=format )\d{4,}"

RANDOM = "rows"  # digests: read as a payload, any of the things that no payload has may come first


@dataclass(frozen=True)
class File:
    """A file as named parts, one after the other; those of a sibling; and who judges the whole."""

    name: str
    parts: Spans
    sibling: Spans
    judge: Judge

    def operations(self) -> Iterator[tuple[str, str]]:
        """All that is tried, in order: part and operation."""
        yield from ((part, op) for place, part in enumerate(self.parts) for op, _ in self.edited(place))

    def rows(self, every: int = 1) -> Iterator[tuple[str, str, str, str]]:
        """The manifest: kind, part, operation, answer; of one edit in so many."""
        edits = ((part, *edit) for place, part in enumerate(self.parts) for edit in self.edited(place))
        for part, operation, data in islice(edits, 0, None, every):
            yield self.name, part, operation, re.sub(NOISE, "..", answer(self.judge, data))

    def edited(self, place: int) -> Iterator[tuple[str, bytes]]:
        """Operation and altered file, for one part."""
        name, parts = list(self.parts)[place], list(self.parts.values())
        before, own, after = b"".join(parts[:place]), parts[place], b"".join(parts[place + 1 :])
        changed = {
            "bit flipped": bytes([own[0] ^ 1]) + own[1:],
            "capital": own.upper(),
            "zero": bytes(len(own)),
            "plus one": bytes([own[0] + 1]) + own[1:],
            "dropped": b"",
            "doubled": own + own,
            "spliced": self.sibling[name],
        }
        for operation, other in changed.items():
            if other != own:
                yield operation, before + other + after
        yield "truncated", before + own[: len(own) // 2]
        following = list(self.parts)[place + 1 : place + 2]
        if following and following != [RANDOM] and own != parts[place + 1]:
            yield "swapped with the next", before + parts[place + 1] + own + b"".join(parts[place + 2 :])


def parts_of(data: bytes) -> Spans:
    """A container's parts, as the format is written down in formats/container.py."""
    kind, front = data[len(MAGIC)], front_of(data)
    ends = list(accumulate([len(MAGIC), 1, kind, 2, *([4] if front else [])]))
    names = ["magic", "length of the kind", "kind", "version", "payload"]
    if front is not None:
        ends.append(front)
        names[4:] = ["length of the payload", "payload", RANDOM]
    return {name: data[a:b] for name, a, b in zip(names, [0, *ends], [*ends, len(data)], strict=True)}


def lines_of(proof: zu.TrainingProof) -> Spans:
    """A forget list's lines, as `zkunlearn prove` writes them."""
    first, second = (record.digest.hex() for record in proof.statement.forgotten)
    return {"head": f"{LIST_HEAD}\n".encode(), "digest": f"{first}\n".encode(), "last digest": f"{second}\n".encode()}


def file_kinds(owner: Owner, other: Owner) -> list[File]:
    """A proof among recommitments, a registration, and a forget list among others."""
    people, proof = owner.people.commitment, owner.trained.proof
    dataset, registration, _ = owner.registered
    path: Path = owner.folder / "listed.forgotten"

    def judge_container(data: bytes) -> None:
        zu.verify(zu.TrainingProof.from_bytes(data), people, known_dataset=people.digest)

    def judge_rows(data: bytes) -> None:
        zu.verify_registration(zu.RegistrationProof.from_bytes(data), dataset)

    def judge_list(data: bytes) -> None:
        path.write_bytes(data)
        zu.verify(proof, people, forget=read_digests(path), known_dataset=people.digest)

    return [
        File("a container", parts_of(proof.to_bytes()), parts_of(owner.link.to_bytes()), judge_container),
        File(
            "a container with rows",
            parts_of(registration.to_bytes()),
            parts_of(other.registered[1].to_bytes()),
            judge_rows,
        ),
        File("a forget list", lines_of(proof), lines_of(other.trained.proof), judge_list),
    ]
