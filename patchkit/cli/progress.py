"""How far a long check is, on the last line of a terminal."""

import sys
import time

EVERY = 0.2  # seconds
WIDTH = 24


class Progress:
    """A bar with rate and time left, drawn at most every EVERY seconds, and not before the first of them."""

    def __init__(self) -> None:
        self._begin = self._drawn = time.monotonic()
        self._is_shown = False

    def show(self, done: int, total: int) -> None:
        """Draw; a total of 0 takes the bar away."""
        now = time.monotonic()
        if not total:
            if self._is_shown:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
            return
        if now - self._drawn < EVERY:
            return
        self._drawn, self._is_shown = now, True
        rate = done / (now - self._begin)
        left = (total - done) / rate if rate else 0
        bar = "=" * (WIDTH * done // total)
        sys.stderr.write(f"\r\x1b[K[{bar:<{WIDTH}}] {done}/{total}, {rate:,.0f}/s, {_time(left)} left")
        sys.stderr.flush()


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
