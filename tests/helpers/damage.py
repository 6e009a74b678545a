"""Ways to damage a file: of its bytes at random, and of what it says, with every checksum put right again."""

import json

from safetensors import safe_open
from safetensors.numpy import load, save

from skautoseqrec._persistence.files import MANIFEST, SEAL, _digest

#: What a forger might write in place of any value of a manifest.
FORGED = [
    *(None, True, -1, 0, 1, 2, 7, 2**31, 2**62, 2**63, 10**30, -0.5, 0.0, 0.5, 1e308, float("nan"), float("inf")),
    *(
        "",
        "x",
        "paper",
        "relu",
        "é" * 10,
        [],
        [1],
        ["x"],
        {},
        {"dict": {}},
        {"tuple": []},
        {"tuple": [1e9, "x"]},
        {"x": 1},
    ),
]


def damage_bytes(content, rng):
    """Return bytes flipped, set, cut off, added, left out, moved or swapped at random places."""
    content = bytearray(content)
    start, end = sorted(rng.integers(0, len(content), 2).tolist())
    how = rng.integers(8)
    if how == 0:
        content[start] ^= 1 << int(rng.integers(8))
    elif how == 1:
        for place in rng.integers(0, len(content), int(rng.integers(1, 9))).tolist():
            content[place] = int(rng.integers(256))
    elif how == 2:
        del content[start:]
    elif how == 3:
        content += rng.bytes(int(rng.integers(1, 64)))
    elif how == 4:
        content[start:start] = rng.bytes(int(rng.integers(1, 16)))
    elif how == 5:
        del content[start : start + int(rng.integers(1, 16))]
    elif how == 6:
        content[start:end] = bytes(end - start)
    else:
        size = int(rng.integers(1, 32))
        content[start : start + size], content[end : end + size] = (
            content[end : end + size],
            content[start : start + size],
        )
    return bytes(content)


def damage_numbers(content, rng):
    """Return a file in which a number stands otherwise, where the header says how long and where everything is."""
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length]
    digits = [place for place, byte in enumerate(header) if 48 <= byte <= 57]
    place = digits[int(rng.integers(len(digits)))]
    forged = [b"9", b"0", b"-1", b"18446744073709551615", b"1e9", b""][int(rng.integers(6))]
    header = header[:place] + forged + header[place + 1 :]
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def read_parts(path):
    """Return the manifest and arrays of a file."""
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    return json.loads(metadata[MANIFEST]), load(path.read_bytes())


def seal(manifest, arrays):
    """Return a file that says and holds what one likes, with the right checksums."""
    listed = {}
    for name, array in arrays.items():
        dtype = f"{array.dtype.kind.upper()}{8 * array.itemsize}"  # as safetensors names it
        listed[name] = {"dtype": dtype, "shape": list(array.shape), "sha256": _digest(array)}
    manifest = manifest | {"arrays": listed}
    text = json.dumps(manifest)
    return save(arrays, metadata={MANIFEST: text, SEAL: _digest(text.encode())})


def forge(manifest, arrays, rng):
    """Return a file of another manifest, or other arrays, that nothing but what it says gives away."""
    manifest, arrays = json.loads(json.dumps(manifest)), {name: array.copy() for name, array in arrays.items()}
    for _ in range(int(rng.integers(1, 3))):
        forge_value(manifest, rng) if rng.random() < 0.6 else forge_array(arrays, rng)
    return seal(manifest, arrays)


def forge_value(manifest, rng):
    """Put another value in one place of a manifest, or take the place out."""
    places = list(find_places({key: value for key, value in manifest.items() if key != "arrays"}))
    path = places[int(rng.integers(len(places)))]
    within = manifest
    for key in path[:-1]:
        within = within[key]
    if rng.random() < 0.15 and isinstance(within, dict):
        del within[path[-1]]
    else:
        within[path[-1]] = FORGED[int(rng.integers(len(FORGED)))]


def find_places(value, path=()):
    """Yield the way to every value in a manifest."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from find_places(inner, (*path, key))


def forge_array(arrays, rng):
    """Change, reshape, cut, leave out, rename or swap one array."""
    names = sorted(arrays)
    name, other = (names[place] for place in rng.integers(len(names), size=2).tolist())
    array, how = arrays[name], rng.integers(9)
    if how == 0:
        del arrays[name]
    elif how == 1:
        arrays[name + ".x"] = arrays.pop(name)
    elif how == 2:
        arrays[name] = arrays[other]
    elif how == 3:
        arrays[name] = array[: int(rng.integers(len(array) + 1))]
    elif how == 4:
        arrays[name] = array.reshape(1, -1) if rng.random() < 0.5 else array.reshape(-1)[:1].reshape(())
    elif how == 5:
        arrays[name] = array.astype(["f4", "f8", "i8", "u1", "i4", "f2"][int(rng.integers(6))])
    elif how == 6:
        arrays[name] = array[:0]
    elif array.size:
        values = [-1, 0, 1, 2**62, -(2**63), 2**63 - 1] if array.dtype.kind == "i" else [0, 1, 255, 128]
        values = [float("nan"), float("inf"), 0.0, -1.0] if array.dtype.kind == "f" else values
        array.reshape(-1)[int(rng.integers(array.size))] = values[int(rng.integers(len(values)))]
