"""Codec 1 by the system's libzstd: Python 3.11 has no zstd of its own."""

import ctypes
import ctypes.util

from messages import ProtocolError

_library = None


def _zstd():
    global _library
    if _library is None:
        lib = ctypes.CDLL("libzstd.so.1")
        lib.ZSTD_decompress.restype = ctypes.c_size_t
        lib.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
        lib.ZSTD_compress.restype = ctypes.c_size_t
        lib.ZSTD_compress.argtypes = [
            ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int,
        ]
        lib.ZSTD_compressBound.restype = ctypes.c_size_t
        lib.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
        lib.ZSTD_isError.restype = ctypes.c_uint
        lib.ZSTD_isError.argtypes = [ctypes.c_size_t]
        lib.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t
        lib.ZSTD_findFrameCompressedSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        _library = lib
    return _library


def pack(data):
    lib = _zstd()
    room = ctypes.create_string_buffer(lib.ZSTD_compressBound(len(data)))
    size = lib.ZSTD_compress(room, len(room), data, len(data), 1)
    if lib.ZSTD_isError(size):
        raise RuntimeError("zstd cannot compress")
    return room.raw[:size]


def unpack(data, size):
    """Exactly one frame that gives exactly `size` bytes; what the frame announces allocates nothing."""
    lib = _zstd()
    if lib.ZSTD_findFrameCompressedSize(data, len(data)) != len(data):
        raise ProtocolError("found no single zstd frame in a batch")
    room = ctypes.create_string_buffer(max(size, 1))
    found = lib.ZSTD_decompress(room, size, data, len(data))
    if lib.ZSTD_isError(found) or found != size:
        raise ProtocolError(f"found contents that do not unpack to {size} bytes")
    return room.raw[:size]
