"""Frames: four bytes of length, most significant first, then one message (SPEC.md, section 5)."""

MAXIMUM_FRAME_BYTES = 16_777_216


class FrameError(Exception):
    pass


def frame(payload):
    if not 1 <= len(payload) <= MAXIMUM_FRAME_BYTES:
        raise FrameError(f"found a payload of {len(payload)} bytes, expected 1 to {MAXIMUM_FRAME_BYTES}")
    return len(payload).to_bytes(4, "big") + payload


class FrameReader:
    """Takes bytes as they come, gives payloads as they become whole."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data

    def next(self):
        if len(self.buffer) < 4:
            return None
        length = int.from_bytes(self.buffer[:4], "big")
        if not 1 <= length <= MAXIMUM_FRAME_BYTES:
            raise FrameError(f"found a length of {length}, expected 1 to {MAXIMUM_FRAME_BYTES}")
        if len(self.buffer) < 4 + length:
            return None
        payload = bytes(self.buffer[4 : 4 + length])
        del self.buffer[: 4 + length]
        return payload
