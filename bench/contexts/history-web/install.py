"""What a package manager does: unpacks the listed packages of a folder and compiles them."""
import compileall
import pathlib
import sys

wanted, vendor, target = (pathlib.Path(argument) for argument in sys.argv[1:])
for name in wanted.read_text().split():
    package = target / name
    package.mkdir(parents=True)
    source = (vendor / name).read_text()
    for part in range(60):
        (package / f"part{part}.py").write_text(f"PART = {part}\n{source * 20}")
sys.exit(0 if compileall.compile_dir(target, quiet=1) else 1)
