"""Categories of columns, apart from bounds: TOML or JSON that people or their tools write.

    city = ["LA", "NY"]
    grade = {categories = [1, 2, 3], missing = 3}

In JSON that is {"city": ["LA", "NY"], "grade": {"categories": [1, 2, 3], "missing": 3}}.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError, FormatError
from .files import read_text
from .strict_json import require_shallow
from .toml import CATEGORY_FIELDS, MAX_BOUNDS_BYTES, toml_document

JSON = ".json"


def read_categories(path: str | Path) -> dict[str, Any]:
    """What is declared of columns of categories, by name: lists, or tables that have one.

    path: of a file of JSON, if its name ends so, else of TOML.

    Raises:
        DataError: unreadable, neither, a column twice, or not categories; names the file.
    """
    text = read_text(path, MAX_BOUNDS_BYTES)
    try:
        document = _json_document(text) if Path(path).suffix.lower() == JSON else toml_document(text)
    except FormatError as error:
        raise DataError(f"{path}: {error}") from None
    if not isinstance(document, dict) or not document:
        raise DataError(f'{path}: must have a list for each column, as in: city = ["LA", "NY"]')
    for name, own in document.items():
        listed = own.get("categories") if isinstance(own, dict) and {*own} <= CATEGORY_FIELDS else own
        if not isinstance(listed, list):
            reason = "must be a list, or {categories = [..]} with reference, other or missing"
            raise DataError(f"{path}: categories of {name!r} {reason}")
    return document


def _json_document(text: str) -> Any:
    """Any JSON, in which no name is there twice. Raises FormatError."""
    try:
        require_shallow(text)
        return json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise FormatError(f"not JSON ({str(error).splitlines()[0]})") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise FormatError(f"{twice!r} is there twice")
    return found
