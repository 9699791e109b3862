"""Colours that can be read, by the contrast of WCAG 2.2 (relative luminance, success criterion
1.4.3). A colour is "#rrggbb".
"""

LEGIBLE = 4.5  # contrast of text in ordinary size


def contrast(one: str, other: str) -> float:
    """From 1 (alike) to 21 (black and white)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def lightened(color: str, ground: str) -> str:
    """The colour, with as much white as makes it legible on a dark ground."""
    for share in range(0, 101, 5):
        mixed = "#" + "".join(f"{part + (255 - part) * share // 100:02x}" for part in _parts(color))
        if contrast(mixed, ground) >= LEGIBLE:
            return mixed
    return "#ffffff"


def _parts(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    bent: float = ((part + 0.055) / 1.055) ** 2.4
    return part / 12.92 if part <= 0.04045 else bent
