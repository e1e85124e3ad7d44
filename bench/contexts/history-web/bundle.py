"""Puts the static files into one, compressed as hard as can be."""
import lzma
import pathlib
import sys

static, target = (pathlib.Path(argument) for argument in sys.argv[1:])
target.mkdir()
text = b"".join(path.read_bytes() for path in sorted(static.iterdir()))
(target / "bundle.xz").write_bytes(lzma.compress(text * 2000, preset=9 | lzma.PRESET_EXTREME))
