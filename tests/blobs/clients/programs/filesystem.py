"""What programs do through fsspec and adlfs: `filesystem.py CONNECTION_STRING CONTAINER`."""

import hashlib
import json
import sys

import fsspec

LARGE = bytes(range(251)) * 20_000


def main(connection_string, name):
    files = fsspec.filesystem("abfs", connection_string=connection_string)
    files.mkdir(name)
    seen = {"made": files.exists(name)}
    with files.open(f"{name}/dir/table.csv", "w") as file:
        file.write("a,b\n1,2\n")
    with files.open(f"{name}/dir/large", "wb", block_size=1024 * 1024) as file:
        file.write(LARGE)
    seen["large"] = hashlib.sha256(files.cat_file(f"{name}/dir/large")).hexdigest()
    with files.open(f"{name}/dir/large", "rb", block_size=64 * 1024) as file:
        file.seek(1000)
        seen["range"] = file.read(10).hex()
    seen["text"] = files.read_text(f"{name}/dir/table.csv")
    seen["sizes"] = {path: files.size(path) for path in files.find(name)}
    seen["folders"] = [[entry["name"], entry["type"]] for entry in files.ls(name, detail=True)]
    seen["globbed"] = files.glob(f"{name}/**/*.csv")
    files.cp_file(f"{name}/dir/table.csv", f"{name}/copy.csv")
    files.mv(f"{name}/copy.csv", f"{name}/moved.csv")
    seen["moved"] = sorted(files.find(name))
    files.pipe({f"{name}/many/{number}": str(number).encode() for number in range(20)})
    many = files.cat(files.glob(f"{name}/many/1*"))
    seen["many"] = {path.rpartition("/")[2]: data.decode() for path, data in many.items()}
    seen["missing"] = files.exists(f"{name}/nothing")
    try:
        files.open(f"{name}/nothing", "rb")
    except FileNotFoundError:
        seen["not found"] = True
    files.rm(f"{name}/dir", recursive=True)
    files.rm(f"{name}/many", recursive=True)
    files.invalidate_cache()
    seen["left"] = files.find(name)
    files.rmdir(name)
    files.invalidate_cache()
    seen["gone"] = not files.exists(name)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
