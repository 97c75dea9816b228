"""The task: counts the letters of a text file and writes the most frequent ones into a blob.

Runs on the compute nodes, one task for each file, and needs nothing but Python. The only credential it has
is the signature in the URL of the blob, which allows writing into one container.
"""

import collections
import os
import sys
import urllib.request


def most_frequent(text, count):
    letters = collections.Counter(letter for letter in text.lower() if letter.isalpha())
    return sorted(letters.items(), key=lambda entry: (-entry[1], entry[0]))[:count]


def report(text):
    lines = ["{} {:>6}".format(*entry) for entry in most_frequent(text, 5)]
    lines.append("counted by {} on {}".format(os.environ["AZ_BATCH_TASK_ID"], os.environ["AZ_BATCH_NODE_ID"]))
    return "\n".join(lines) + "\n"


def upload(text, url):
    headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "text/plain"}
    request = urllib.request.Request(url, text.encode("utf-8"), headers, method="PUT")  # noqa: S310
    urllib.request.urlopen(request).close()  # noqa: S310 - the URL that the client made


def main(path, url):
    with open(path, encoding="utf-8") as file:
        counted = report(file.read())
    print(counted, end="")
    upload(counted, url)


if __name__ == "__main__":
    main(*sys.argv[1:])
