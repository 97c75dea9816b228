"""`python -m batchite` is `batchite`."""

from batchite.cli.main import main

if __name__ == "__main__":
    main()
