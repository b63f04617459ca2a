# SPDX-License-Identifier: Apache-2.0
"""The one place that lets time pass."""

import time

POLL_SECONDS = 0.02


def wait_for(condition, seconds=10, what="condition", explain=None):
    """Call condition() until it returns something true, and return that.

    After `seconds` without, TimeoutError says `what` was waited for, and what explain() knows about it.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            more = f"\n{explain()}" if explain else ""
            raise TimeoutError(f"waited {seconds:g} s in vain for: {what}{more}")
        time.sleep(POLL_SECONDS)
