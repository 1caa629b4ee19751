"""SipHash of source code, as hash-based bytecode of every CPython carries it (PEP 552)."""

_MASK = (1 << 64) - 1
_ROUNDS = {"1-3": (1, 3), "2-4": (2, 4)}  # from Python 3.11; up to 3.10


def source_hashes(magic: bytes, source: bytes) -> set[bytes]:
    """The eight bytes that bytecode with this magic number holds if it was compiled from the source.

    Two, because the releases differ in the number of rounds, and the magic number does not say which one it is.
    """
    key = int.from_bytes(magic, "little")
    return {_siphash(key, source, *rounds) for rounds in _ROUNDS.values()}


def _siphash(key: int, data: bytes, compressing: int, finishing: int) -> bytes:
    state = (key ^ 0x736F6D6570736575, 0x646F72616E646F6D, key ^ 0x6C7967656E657261, 0x7465646279746573)
    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        v0, v1, v2, v3 = _rounds(state[0], state[1], state[2], state[3] ^ word, compressing)
        state = (v0 ^ word, v1, v2, v3)
    v0, v1, v2, v3 = _rounds(state[0], state[1], state[2] ^ 0xFF, state[3], finishing)
    return (v0 ^ v1 ^ v2 ^ v3).to_bytes(8, "little")


def _rounds(v0: int, v1: int, v2: int, v3: int, count: int) -> tuple[int, int, int, int]:
    for _ in range(count):
        v0 = (v0 + v1) & _MASK
        v2 = (v2 + v3) & _MASK
        v1 = ((v1 << 13 | v1 >> 51) & _MASK) ^ v0
        v3 = ((v3 << 16 | v3 >> 48) & _MASK) ^ v2
        v0 = (v0 << 32 | v0 >> 32) & _MASK
        v2 = (v2 + v1) & _MASK
        v0 = (v0 + v3) & _MASK
        v1 = ((v1 << 17 | v1 >> 47) & _MASK) ^ v2
        v3 = ((v3 << 21 | v3 >> 43) & _MASK) ^ v0
        v2 = (v2 << 32 | v2 >> 32) & _MASK
    return v0, v1, v2, v3
