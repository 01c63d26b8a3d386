"""How a test speaks to a client in Python: as driver-loop.ts."""
import json
import queue
import sys
import threading
import traceback

bootstrap_servers = sys.argv[1]


def tell(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def serve(driver, poll):
    """Serves commands from stdin until it ends; between them polls, on the same thread."""
    commands = queue.Queue()

    def read():
        for line in sys.stdin:
            commands.put(json.loads(line))
        commands.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            command = commands.get(timeout=0.01)
        except queue.Empty:
            poll()
            continue
        if command is None:
            return
        number, name = command.pop("id"), command.pop("command")
        try:
            tell({"id": number, "answer": getattr(driver, name)(**command)})
        except Exception:
            tell({"id": number, "error": traceback.format_exc()})
