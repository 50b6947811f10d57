"""A client without agentdeck: `python plain_socket.py "$(agentdeck rpc socket)"`.

It says how the run stands, then what happens in it, until it has finished. A number behind the path
is the event after which it begins.
"""

import itertools
import json
import socket
import sys


class Engine:
    """The engine of one run, one call at a time."""

    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.settimeout(60)
        self.connection.connect(path)
        self.lines = self.connection.makefile("rb")
        self.numbers = itertools.count(1)

    def call(self, method, **params):
        request = {"jsonrpc": "2.0", "id": next(self.numbers), "method": method, "params": params}
        self.connection.sendall(json.dumps(request).encode() + b"\n")
        line = self.lines.readline()
        if not line:
            raise SystemExit("the engine has gone; call again with the number of the last event")
        answer = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']['message']}")
        return answer["result"]


def main(path, after=0):
    engine = Engine(path)
    engine.call("hello", protocol=1, client="plain_socket.py")
    status = engine.call("status")
    print(f"{status['run']}: {status['state']}, {status['landed']} of {status['tasks']} landed")
    for task in engine.call("tasks")["tasks"]:
        print(f"  {task['id']}: {task['why']}")
    while True:
        for recorded in engine.call("events.since", after=after, wait_s=20)["events"]:
            after, event = recorded["seq"], recorded["event"]
            print(after, event["kind"], event.get("task", ""), flush=True)
            if event["kind"] == "run.finished":
                return


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
