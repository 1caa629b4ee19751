"""How the forms of one case are run: on one device, in one dtype."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from .cases import Equal, Version

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

REFERENCE = "float64"


@dataclass(frozen=True)
class Found:
    """What a form gave: copies, which no later call changes."""

    values: Sequence[Array]
    gradients: Sequence[Array]
    dtypes: frozenset[str]  # of the outputs


@dataclass(frozen=True)
class Setting:
    """One case on one device in one dtype."""

    case: Equal
    framework: Any
    device: str
    dtype: str

    @property
    def is_reference(self) -> bool:
        return (self.dtype, self.device) == (REFERENCE, "cpu")

    def rounded(self, shape: Mapping[str, int], seed: int) -> dict[str, Array]:
        """The inputs of a case, floats rounded to the dtype: the reference is computed on the same numbers."""
        import numpy as np

        arrays = self.case.inputs(np.random.default_rng(seed), shape)
        return {
            key: np.asarray(self.framework.array(self._tensor(array, self.dtype, "cpu", False)), array.dtype)
            if array.dtype.kind == "f"
            else array
            for key, array in arrays.items()
        }

    def tensors(self, arrays: Mapping[str, Array]) -> dict[str, Any]:
        return self._tensors(arrays, self.dtype, self.device)

    def differentiated(self, arrays: Mapping[str, Array]) -> list[str]:
        if not self.framework.has_gradients:
            return []
        return [key for key, array in arrays.items() if array.dtype.kind == "f" and key not in self.case.constants]

    def reference(self, arrays: Mapping[str, Array], seed: int) -> Found:
        """What the original gives in float64 on the CPU."""
        return self._run(self.case.original, arrays, REFERENCE, "cpu", seed)

    def run(self, version: Version, arrays: Mapping[str, Array], seed: int) -> Found:
        return self._run(version, arrays, self.dtype, self.device, seed)

    def _run(self, version: Version, arrays: Mapping[str, Array], dtype: str, device: str, seed: int) -> Found:
        import numpy as np

        tensors = self._tensors(arrays, dtype, device)
        outputs = as_list(self.case.call(version, tensors))
        dtypes = frozenset(map(self.framework.dtype, outputs))
        values = [np.array(self.framework.array(out)) for out in outputs]
        rng = np.random.default_rng(seed + 1000)
        # Rounded to the dtype that is compared, so that the reference weighs with the same numbers.
        weights = [
            self.framework.array(self._tensor(np.asarray(rng.normal(size=value.shape)), self.dtype, "cpu", False))
            for value in values
        ]
        inputs = [tensors[key] for key in self.differentiated(arrays)]
        found = self.framework.gradients(outputs, weights, inputs) if inputs else []
        gradients = [
            np.zeros(tuple(tensor.shape)) if gradient is None else np.array(self.framework.array(gradient))
            for gradient, tensor in zip(found, inputs)
        ]
        return Found(values, gradients, dtypes)

    def _tensors(self, arrays: Mapping[str, Array], dtype: str, device: str) -> dict[str, Any]:
        constants = self.case.constants
        return {key: self._tensor(array, dtype, device, key not in constants) for key, array in arrays.items()}

    def _tensor(self, array: Array, dtype: str, device: str, differentiate: bool) -> Any:
        is_float = array.dtype.kind == "f"
        return self.framework.tensor(
            array, dtype if is_float else None, device, differentiate=is_float and differentiate
        )


def as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
