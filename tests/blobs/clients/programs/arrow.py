"""What programs do through pyarrow's file system: `arrow.py CONNECTION_STRING CONTAINER`."""

import hashlib
import json
import sys

import pyarrow as pa
from pyarrow import fs
from pyarrow import parquet as pq

LARGE = bytes(range(251)) * 20_000


def opened(connection_string):
    parts = dict(part.partition("=")[::2] for part in connection_string.split(";") if part)
    authority = parts["BlobEndpoint"].split("/")[2]
    return fs.AzureFileSystem(
        parts["AccountName"],
        account_key=parts["AccountKey"],
        blob_storage_authority=authority,
        blob_storage_scheme="http",
        dfs_storage_authority=authority,
        dfs_storage_scheme="http",
    )


def main(connection_string, name):
    files = opened(connection_string)
    files.create_dir(name)
    seen = {"made": files.get_file_info(name).type.name}
    with files.open_output_stream(f"{name}/dir/large", metadata={"Content-Type": "text/x-tour"}) as file:
        file.write(LARGE)
    with files.open_input_file(f"{name}/dir/large") as file:
        seen["range"] = file.read_at(10, 1000).hex()
        seen["large"] = hashlib.sha256(file.read()).hexdigest()
    table = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    pq.write_table(table, f"{name}/dir/table.parquet", filesystem=files)
    seen["table"] = pq.read_table(f"{name}/dir/table.parquet", filesystem=files, columns=["b"]).to_pydict()
    pq.write_to_dataset(table, f"{name}/parts", partition_cols=["b"], filesystem=files)
    seen["parts"] = sorted(pq.read_table(f"{name}/parts", filesystem=files)["a"].to_pylist())
    files.copy_file(f"{name}/dir/table.parquet", f"{name}/copy")
    files.create_dir(f"{name}/empty/below", recursive=True)
    seen["walked"] = sorted(
        [found.path, found.type.name] for found in files.get_file_info(fs.FileSelector(name, recursive=False))
    )
    seen["missing"] = files.get_file_info(f"{name}/nothing").type.name
    try:
        files.open_input_file(f"{name}/nothing")
    except FileNotFoundError:
        seen["not found"] = True
    files.delete_file(f"{name}/copy")
    files.delete_dir(f"{name}/parts")
    seen["left"] = sorted(
        found.path for found in files.get_file_info(fs.FileSelector(name, recursive=True)) if found.is_file
    )
    files.delete_dir(name)
    seen["gone"] = files.get_file_info(name).type.name
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
