"""Says whether a picture has colours: png_colours.py FILE LEAST RRGGBB...

Each colour fills at least so many pixels of the PNG (8 bits a sample, RGB with
or without alpha, as browsers write screenshots).
"""
import collections
import struct
import sys
import zlib

with open(sys.argv[1], "rb") as file:
    data = file.read()
assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
at, packed = 8, b""
while at < len(data):
    length, kind = struct.unpack(">I4s", data[at:at + 8])
    body = data[at + 8:at + 8 + length]
    if kind == b"IHDR":
        width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
        assert depth == 8 and colour in (2, 6) and interlace == 0, (depth, colour)
    elif kind == b"IDAT":
        packed += body
    at += 12 + length
n = 4 if colour == 6 else 3
raw, stride = zlib.decompress(packed), width * n
before, counts = bytearray(stride), collections.Counter()
for y in range(height):
    start = y * (stride + 1)
    kind, line = raw[start], bytearray(raw[start + 1:start + 1 + stride])
    for i in range(stride):
        left = line[i - n] if i >= n else 0
        if kind == 1:
            line[i] = (line[i] + left) & 255
        elif kind == 2:
            line[i] = (line[i] + before[i]) & 255
        elif kind == 3:
            line[i] = (line[i] + (left + before[i]) // 2) & 255
        elif kind == 4:
            up, corner = before[i], before[i - n] if i >= n else 0
            guess = left + up - corner
            a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
            line[i] = (line[i] + (left if a <= b and a <= c else up if b <= c else corner)) & 255
        else:
            break
    for i in range(0, stride, n):
        counts[bytes(line[i:i + 3])] += 1
    before = line
print(width, height, len(counts), "colours")
for wanted in sys.argv[3:]:
    assert counts[bytes.fromhex(wanted)] >= int(sys.argv[2]), (wanted, counts.most_common(12))
