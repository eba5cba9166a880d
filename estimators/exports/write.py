"""Files of proved models for other tools: their formats by name, and writing one."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...errors import ParameterError, require_path, require_type
from ...formats.files import write_file
from ...prover.owner.model import Model
from ...prover.owner.sharded_model import ShardedModel
from .form import Form

if TYPE_CHECKING:
    from .torch_model import LinearModule

PICKLES = (
    "a file of scikit-learn's objects is a pickle, which runs whatever code somebody puts into it; zu.to_sklearn gives "
    'the object itself, and the format "onnx" a file for elsewhere'
)


@dataclass(frozen=True)
class Format:
    """One of files.

    Attributes:
        suffixes: how their names may end.
        package: that writes them, and the extra that brings it.
        data: the bytes.
    """

    suffixes: tuple[str, ...]
    package: str
    extra: str
    data: Callable[[Form], bytes]

    def require_package(self) -> None:
        """Raises ParameterError if it is not installed."""
        if find_spec(self.package) is None:
            raise ParameterError(
                f"writing {self.suffixes[0]} needs {self.package}: pip install 'zkunlearn[{self.extra}]'"
            )


def _onnx(form: Form) -> bytes:
    from .onnx_graph import graph_of

    return bytes(graph_of(form).SerializeToString())


def _safetensors(form: Form) -> bytes:
    from safetensors.numpy import save

    return save(form.tensors(), dict(form.about))


def _torch(form: Form) -> bytes:
    import torch

    from .torch_model import LinearModule

    file = io.BytesIO()
    torch.save({"state_dict": dict(LinearModule(form).state_dict()), "about": dict(form.about)}, file)
    return file.getvalue()


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "onnx": Format((".onnx",), "onnx", "export", _onnx),
        "safetensors": Format((".safetensors",), "safetensors", "export", _safetensors),
        "torch": Format((".pt", ".pth"), "torch", "torch", _torch),
    }
)


def require_format(path: Path | str, format: str | None = None) -> str:
    """The name of the format of a file to be written; by default, what its name ends with.

    Raises:
        ParameterError: there is no such format, the name ends otherwise, or the package that writes it is missing.
    """
    require_path("path", path)
    suffix = Path(path).suffix
    by_suffix = {end: name for name, own in FORMATS.items() for end in own.suffixes}
    if format is None:
        if suffix not in by_suffix:
            raise ParameterError(
                f"{path}: its name must end with {', '.join(by_suffix)}, or which format has to be said"
            )
        format = by_suffix[suffix]
    require_type("format", format, str)
    if format == "sklearn":
        raise ParameterError(f"format = 'sklearn': {PICKLES}")
    if format not in FORMATS:
        raise ParameterError(f"format = {format!r}: must be one of {', '.join(FORMATS)}")
    own = FORMATS[format]
    if suffix not in own.suffixes:
        raise ParameterError(f"{path}: the name of a file of the format {format} ends with {' or '.join(own.suffixes)}")
    own.require_package()
    return format


def export(model: Model | ShardedModel, path: Path | str, format: str | None = None) -> None:
    """Write a proved model for other tools, in the place of what is there, 0600: weights are secret.

    The file takes features in the units of the table, and predicts what the model does. It is no proof, and says so.

    Args:
        format: "onnx", "safetensors" or "torch" (a state dict, and what is public); by default as the name ends:
            .onnx, .safetensors, .pt or .pth.

    Raises:
        ParameterError: what is no proved model, another format, another end of the name, or the package that writes the
            format is not installed.
        DataError: the file cannot be written.
    """
    name = require_format(path, format)
    write_file(path, FORMATS[name].data(Form.of(model)), secret=True)


def to_torch(model: Model | ShardedModel) -> LinearModule:
    """A module of torch's that predicts as a proved model does: X (N, d), features in the units of the table.

    It gives the probabilities of `.classes` (N, classes), or values or expected counts (N,), in float64; NaN for rows
    that the model refuses. It holds the secret weights.

    Raises:
        ParameterError: what is no proved model, or torch is not installed.
    """
    form = Form.of(model)
    if find_spec("torch") is None:
        raise ParameterError("a module of torch's needs torch: pip install 'zkunlearn[torch]'")
    from .torch_model import LinearModule

    return LinearModule(form)
