"""A folder of auditors' keys: whom the reader of signatures knows, by the names that the reader gives them.

A key says nothing of whose it is: whoever keeps the folder does, by the names of its files. NAME.pub, NAME.bls.pub and
NAME.2026.pub are three keys of NAME, who counts once. Upper and lower case are one name, as are Unicode's forms of it.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

from ...errors import DataError, ParameterError, require_path
from .keys import PUBLIC_SUFFIX, PublicKey
from .signatures import require_apart

MOST_KEYS = 1000


def load_keys(folder: Path | str) -> list[tuple[str, PublicKey]]:
    """All keys of a folder, each with the name of its auditor; what does not end in .pub is passed over.

    Raises:
        DataError: there is no such folder, or no key in it.
        FormatError: a key cannot be read; naming it.
        ParameterError: two names have one key.
    """
    require_path("folder", folder)
    place = Path(folder)
    try:
        files = sorted(path for path in place.iterdir() if path.name.endswith(PUBLIC_SUFFIX))
    except OSError as error:
        raise DataError(f"{place}: cannot be read ({error.strerror})") from error
    if not files or len(files) > MOST_KEYS:
        raise DataError(f"{place}: there are {len(files)} files *{PUBLIC_SUFFIX} in it, not 1 to {MOST_KEYS}")
    found = [(name_of(path), PublicKey.load(path)) for path in files]
    try:
        require_apart(found)
    except ParameterError as error:
        raise ParameterError(f"{place}: {error}") from error
    return found


def name_of(path: Path) -> str:
    """The name of an auditor in that of a key's file: up to its first dot. Raises DataError for none."""
    name = unicodedata.normalize("NFC", path.name.partition(".")[0].casefold())
    if not name:
        raise DataError(f"{path}: has no name before its first dot, which is that of its auditor")
    return name
