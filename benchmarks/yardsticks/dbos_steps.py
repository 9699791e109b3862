"""DBOS on SQLite: `python -m … FOLDER WORKFLOWS` prints workflows a second.

Three steps that do nothing, as its quick start writes them; SQLite's settings are its own. Four
threads start workflows, since one leaves most of the time to waiting.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS

THREADS = 4


@DBOS.step()
def step(number: int) -> int:
    return number


@DBOS.workflow()
def workflow(number: int) -> int:
    for _ in range(3):
        number = step(number)
    return number


def main() -> None:
    folder, workflows = sys.argv[1], int(sys.argv[2])
    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{folder}/dbos.sqlite",
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    workflow(0)
    with ThreadPoolExecutor(THREADS) as threads:
        began = time.perf_counter()
        list(threads.map(workflow, range(workflows)))
        took = time.perf_counter() - began
    print(workflows / took)
    DBOS.destroy()


if __name__ == "__main__":
    main()
