"""Bytes of a text that are no UTF-8."""


def masked(data: bytes) -> tuple[bytes, list[int], list[int]]:
    """The data with `?` for each byte that is no UTF-8, where those are, and in which lines."""
    without = bytearray(data)
    places: list[int] = []
    lines: list[int] = []
    position = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        text = line.decode("utf-8", "surrogateescape")
        before = len(places)
        place = position
        for character in text if len(text.encode("utf-8", "ignore")) != len(line) else "":
            if "\udc80" <= character <= "\udcff":
                without[place] = ord("?")
                places.append(place)
                place += 1
            else:
                place += len(character.encode("utf-8"))
        if len(places) > before:
            lines.append(number)
        position += len(line) + 1
    return bytes(without), places, lines
