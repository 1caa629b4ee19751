"""What the comparison needs of torch, paddle and numpy, each in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Torch:
    """PyTorch, on the CPU and on one CUDA device. As with every framework, a tensor is a copy of its array."""

    has_gradients = True
    half_types = ("float16", "bfloat16")

    def __init__(self) -> None:
        import torch

        self._torch = torch
        self.label = f"torch {torch.__version__}"
        self.devices = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)

    def tensor(self, array: Array, dtype: str | None, device: str, *, differentiate: bool) -> Any:
        tensor = self._torch.from_numpy(array.copy())
        tensor = tensor if dtype is None else tensor.to(getattr(self._torch, dtype))
        return tensor.to(device).requires_grad_(differentiate)

    def array(self, tensor: Any) -> Array:
        """The values as numpy holds them, exactly: float32 for half types."""
        tensor = tensor.detach()
        is_half = str(tensor.dtype).split(".")[-1] in self.half_types
        array: Array = (tensor.float() if is_half else tensor).cpu().numpy()
        return array

    def dtype(self, tensor: Any) -> str:
        return str(tensor.dtype).split(".")[-1]

    def gradients(self, outputs: Sequence[Any], weights: Sequence[Array], inputs: Sequence[Any]) -> list[Any]:
        """Of the outputs, weighed, in each input; None where an input has no part in them."""
        pairs = [(out, weight) for out, weight in zip(outputs, weights) if out.requires_grad]
        if not pairs:
            return [None] * len(inputs)
        seeds = [self._torch.from_numpy(weight).to(out.dtype).to(out.device) for out, weight in pairs]
        found = self._torch.autograd.grad([out for out, _ in pairs], inputs, seeds, allow_unused=True)
        return list(found)

    def synchronize(self, device: str) -> None:
        if device == "cuda":
            self._torch.cuda.synchronize()

    def reset_peak(self, device: str) -> int | None:
        """Bytes allocated now, from which a peak is counted; None where the framework does not count."""
        if device != "cuda":
            return None
        self._torch.cuda.reset_peak_memory_stats()
        return int(self._torch.cuda.memory_allocated())

    def peak(self, device: str) -> int:
        return int(self._torch.cuda.max_memory_allocated())


class Paddle:
    """PaddlePaddle, on the CPU and on one GPU."""

    has_gradients = True
    half_types = ("float16", "bfloat16")

    def __init__(self) -> None:
        import paddle

        self._paddle = paddle
        self.label = f"paddle {paddle.__version__}"
        has_gpu = paddle.device.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
        self.devices = ("cpu", "gpu") if has_gpu else ("cpu",)

    def tensor(self, array: Array, dtype: str | None, device: str, *, differentiate: bool) -> Any:
        self._paddle.set_device(device)
        return self._paddle.to_tensor(array, dtype=dtype, stop_gradient=not differentiate)

    def array(self, tensor: Any) -> Array:
        is_half = self.dtype(tensor) in self.half_types
        array: Array = (tensor.astype("float32") if is_half else tensor).detach().numpy()
        return array

    def dtype(self, tensor: Any) -> str:
        return str(tensor.dtype).split(".")[-1]

    def gradients(self, outputs: Sequence[Any], weights: Sequence[Array], inputs: Sequence[Any]) -> list[Any]:
        pairs = [(out, weight) for out, weight in zip(outputs, weights) if not out.stop_gradient]
        if not pairs:
            return [None] * len(inputs)
        seeds = [self._paddle.to_tensor(weight).astype(out.dtype).reshape(out.shape) for out, weight in pairs]
        found = self._paddle.grad([out for out, _ in pairs], list(inputs), seeds, allow_unused=True)
        return list(found)

    def synchronize(self, device: str) -> None:
        if device == "gpu":
            self._paddle.device.cuda.synchronize()

    def reset_peak(self, device: str) -> int | None:
        cuda = self._paddle.device.cuda
        if device != "gpu" or not hasattr(cuda, "reset_max_memory_allocated"):  # paddle 3
            return None
        cuda.reset_max_memory_allocated()
        return int(cuda.memory_allocated())

    def peak(self, device: str) -> int:
        return int(self._paddle.device.cuda.max_memory_allocated())


class Numpy:
    """Code without gradients."""

    has_gradients = False

    def __init__(self) -> None:
        import numpy as np

        self.label = f"numpy {np.__version__}"
        self.devices = ("cpu",)

    def tensor(self, array: Array, dtype: str | None, device: str, *, differentiate: bool) -> Any:
        return array.astype(dtype or array.dtype)

    def array(self, tensor: Any) -> Array:
        import numpy as np

        return np.asarray(tensor)

    def dtype(self, tensor: Any) -> str:
        return str(self.array(tensor).dtype)

    def gradients(self, outputs: Sequence[Any], weights: Sequence[Array], inputs: Sequence[Any]) -> list[Any]:
        return [None] * len(inputs)

    def synchronize(self, device: str) -> None:
        pass

    def reset_peak(self, device: str) -> int | None:
        return None

    def peak(self, device: str) -> int:
        return 0


FRAMEWORKS: dict[str, Any] = {"torch": Torch, "paddle": Paddle, "numpy": Numpy}
