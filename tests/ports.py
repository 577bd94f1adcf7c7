"""Ports of this machine, for scripts that start servers.

`ports.py free [N]`: the first of N free ports in a row, one by default, below those that a system
gives to whoever asks for any. `ports.py await PORT`: waits until somebody listens there.
"""

import random
import socket
import sys
import time


def free(count):
    while True:
        first = random.randrange(20000, 32000)
        row = [socket.socket() for _ in range(count)]
        try:
            for port, taken in enumerate(row, first):
                taken.bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            for taken in row:
                taken.close()
        return first


def wait_for(port):
    end = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                sys.exit("it did not start")
            time.sleep(0.1)


match sys.argv[1:]:
    case ["free", *count]:
        print(free(int(count[0]) if count else 1))
    case ["await", port]:
        wait_for(int(port))
    case _:
        sys.exit(__doc__)
