"""A picture of the schedule of a training, before and after the fixes."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchkit.errors import PatchkitError, TargetRefused, WriteFailed
from patchkit.patching.files import replace_file

if TYPE_CHECKING:
    from patchkit.recipes.schedule import Course

SUFFIXES = (".png", ".svg")
STRETCHED = 0.35  # of the width, for warm-up
POINTS = 5_000  # more do not show
HEADROOM = 1.6  # times the largest rate of the weights; what the biases have above it is written beside the axis
COLOURS = {"before": "#c2410c", "after": "#1d4ed8"}
FIGURE: Any = {"svg.hashsalt": "patchkit", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}


def draw(before: "Course", after: "Course | None", path: Path) -> None:
    """Write a picture of learning rate and momentum, as .png or .svg: the same bytes for the same schedules.

    Raises   TargetRefused for another suffix; PatchkitError without matplotlib; WriteFailed.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise TargetRefused(f"{path}: a plot is {' or '.join(SUFFIXES)}", "name the file so")
    if path.is_dir():
        raise TargetRefused(f"{path}: a folder", "name the file that the plot is written to")
    picture = _picture(before, after, suffix[1:])
    try:
        replace_file(path.resolve(), picture)  # a link stays
    except OSError as error:
        raise WriteFailed(f"{path}: {error.strerror}", "name a file in a folder that you may write to") from error


def _picture(before: "Course", after: "Course | None", format: str) -> bytes:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PatchkitError("--plot needs matplotlib", "pip install 'patchkit-cv[plots]'") from error
    schedules = {"before": before, "after": after} if after is not None else {"": before}
    out = io.BytesIO()
    with mpl.rc_context(FIGURE):
        figure = Figure(figsize=(9, 6), dpi=120, layout="constrained")
        rates, momenta = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        for name, schedule in schedules.items():
            _add(rates, momenta, schedule, name)
        _finish(rates, momenta, list(schedules.values()))
        metadata: dict[str, Any] = {"Date": None} if format == "svg" else {"Software": "patchkit"}
        figure.savefig(out, format=format, metadata=metadata)
    return out.getvalue()


def _add(rates: Any, momenta: Any, schedule: "Course", name: str) -> None:
    points = _points(schedule)
    epochs = [point / schedule.iterations_per_epoch for point in points]
    colour = COLOURS[name or "after"]
    width = 3.5 if name == "before" else 1.8  # so that both show where they agree
    faint = 0.45 if name == "before" else 1.0
    style: dict[str, Any] = {"color": colour, "linewidth": width, "alpha": faint}
    lead = f"{name}: " if name else ""
    rates.plot(epochs, [schedule.lr(point) for point in points], label=f"{lead}weights", **style)
    rates.plot(epochs, [schedule.bias_lr(point) for point in points], linestyle=":", label=f"{lead}biases", **style)
    momenta.plot(epochs, [schedule.momentum_at(point) for point in points], label=name or "momentum", **style)


def _points(schedule: "Course") -> list[int]:
    """Every iteration of warm-up, then one for each epoch, and the last of all; of either at most POINTS."""
    warmup, per_epoch = schedule.warmup_iterations, schedule.iterations_per_epoch
    end = min(warmup, schedule.iterations - 1)
    every = max(end // POINTS, 1)
    start = (end // per_epoch + 1) * per_epoch
    later = range(start, schedule.iterations, per_epoch * max((schedule.iterations - start) // per_epoch // POINTS, 1))
    return sorted({*range(0, end + 1, every), end, *later, schedule.iterations - 1})


def _finish(rates: Any, momenta: Any, schedules: "list[Course]") -> None:
    highest = max(schedule.lr0 for schedule in schedules) * HEADROOM
    bias = max(schedule.warmup_bias_lr if schedule.warmup_iterations else 0.0 for schedule in schedules)
    rates.set_ylim(0, highest)
    if bias > highest:
        rates.annotate(
            f"biases start at {bias:g}", (0, 1), (8, -14), xycoords="axes fraction", textcoords="offset points"
        )
    rates.set_ylabel("learning rate (per step)")
    momenta.set_ylabel("momentum (no unit)")
    rates.legend(frameon=False, ncols=len(schedules))
    momenta.legend(frameon=False, loc="lower right")
    last = float(max(schedule.epochs for schedule in schedules))
    warmup = max(schedule.warmup_iterations / schedule.iterations_per_epoch for schedule in schedules)
    for axes in (rates, momenta):
        axes.grid(alpha=0.25)
        axes.set_xlim(0, last)
    label = "epoch"
    if 0 < warmup < last * STRETCHED:
        _stretch((rates, momenta), warmup, last)
        label += f"; the {warmup:.3g} of warm-up are drawn wider"
    if any(schedule.is_nominal for schedule in schedules):
        label += f"; {schedules[0].iterations_per_epoch} iterations an epoch assumed (--images says how many)"
    momenta.set_xlabel(label)


def _stretch(panels: tuple[Any, Any], warmup: float, last: float) -> None:
    """Give warm-up a third of the axis of epochs; both parts stay linear."""
    import numpy as np

    def forward(epochs: Any) -> Any:
        return np.interp(epochs, [0, warmup, last], [0, STRETCHED, 1])

    def back(places: Any) -> Any:
        return np.interp(places, [0, STRETCHED, 1], [0, warmup, last])

    for axes in panels:
        axes.set_xscale("function", functions=(forward, back))
        axes.axvline(warmup, color="#888888", linewidth=1, linestyle="--")
        ticks = _ticks(warmup, last)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xlim(0, last)


def _ticks(warmup: float, last: float) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    early = [float(tick) for tick in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(0, warmup) if tick <= warmup]
    late = [float(tick) for tick in MaxNLocator(6).tick_values(0, last) if tick <= last]
    return early + [tick for tick in late if tick - warmup > (last - warmup) / 20]
