"""huey's SQLite queue with fsync on: `python -m … FOLDER JOBS` prints jobs a second.

Each job, which does nothing, is enqueued, taken out, run, and its result stored.
"""

import sys
import time

from huey import SqliteHuey  # type: ignore[import-untyped]


def main() -> None:
    folder, jobs = sys.argv[1], int(sys.argv[2])
    huey = SqliteHuey(filename=f"{folder}/huey.db", fsync=True)

    @huey.task()  # type: ignore[untyped-decorator]
    def nothing(number: int) -> int:
        return number

    began = time.perf_counter()
    for number in range(jobs):
        nothing(number)
    for _ in range(jobs):
        huey.execute(huey.dequeue())
    print(jobs / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
