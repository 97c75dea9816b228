"""So many runs of /bin/true by Dask, outputs kept: `python dask_run.py COUNT`, in the environment that has
it. Prints the seconds from submitting to the end of all."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from distributed import Client, LocalCluster


def run(directory: str, number: int) -> int:
    place = Path(directory)
    with (place / f"{number}.out").open("wb") as out, (place / f"{number}.err").open("wb") as err:
        return subprocess.run(["/bin/true"], stdout=out, stderr=err, check=True).returncode


def main(count: int) -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        LocalCluster(n_workers=2, threads_per_worker=4, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.submit(run, directory, -1).result()
        began = time.monotonic()
        client.gather(client.map(run, [directory] * count, range(count)))
        print(time.monotonic() - began)


if __name__ == "__main__":
    main(int(sys.argv[1]))
