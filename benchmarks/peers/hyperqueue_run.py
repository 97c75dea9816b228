"""So many runs of /bin/true by HyperQueue, outputs kept: `python hyperqueue_run.py COUNT`, in the environment
that has it. Prints the seconds from submitting to the end of all."""

import sys
import tempfile
import time
from pathlib import Path

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as directory, LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig(cores=2))
        client = cluster.client()
        work = Path(directory)
        warm = Job()
        warm.program(["/bin/true"], cwd=work)
        client.wait_for_jobs([client.submit(warm)])
        began = time.monotonic()
        job = Job()
        for number in range(count):
            job.program(["/bin/true"], stdout=work / f"{number}.out", stderr=work / f"{number}.err")
        client.wait_for_jobs([client.submit(job)])
        print(time.monotonic() - began)


main(int(sys.argv[1]))
