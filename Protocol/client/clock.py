"""The hybrid clock (SPEC.md, section 3, Clocks). A reading is 48 bits of milliseconds and 16 bits of counter."""

FOLLOW_LIMIT = 2**63
TOLERANCE_MILLISECONDS = 60_000
MAXIMUM_MILLISECONDS = 2**48 - 1


def clamped(milliseconds):
    return min(max(milliseconds, 0), MAXIMUM_MILLISECONDS)


class HybridClock:
    def __init__(self, last=0):
        self.last = last

    def next(self, wall_milliseconds):
        self.last = max(min(clamped(wall_milliseconds) << 16, FOLLOW_LIMIT), self.last + 1)
        return self.last

    def follow(self, time, wall_milliseconds):
        if time <= clamped(wall_milliseconds + TOLERANCE_MILLISECONDS) << 16:
            self.last = max(self.last, min(time, FOLLOW_LIMIT))
