"""How far long work is, on stderr."""

import sys
import time

_WIDTH = 30
_ON_TERMINAL, _ELSEWHERE = 0.1, 5.0


class Bar:
    """One line for each part of the work: a bar on a terminal, else now and then a line."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._said = 0.0

    def __call__(self, part: str, done: int, total: int) -> None:
        """Show how far a part is; its end is always shown."""
        now, is_over = time.monotonic(), done >= total
        if not is_over and now - self._said < (_ON_TERMINAL if self._is_terminal else _ELSEWHERE):
            return
        self._said = now
        full = round(_WIDTH * done / total) if total else _WIDTH
        told = f"[{'#' * full}{'.' * (_WIDTH - full)}] {done:>9,} of {total:>9,} {part}"
        print(
            f"\r{told}" if self._is_terminal else told,
            end="" if self._is_terminal and not is_over else "\n",
            file=sys.stderr,
        )
        sys.stderr.flush()
