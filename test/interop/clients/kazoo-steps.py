"""What `zookeeper-clients.test.ts` has kazoo do; a line for all that it is told. Lines with ! are for whoever holds the cable."""
import sys
import threading

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, make_acl, make_digest_acl
from kazoo.retry import KazooRetry

near, far = sys.argv[1:3]
lock = threading.Lock()
clients = []


def say(*words):
    with lock:
        print(*words, flush=True)


def ask(order):
    say("!" + order)
    sys.stdin.readline()


def join(address=near, timeout=10.0, **options):
    retry = dict(max_tries=-1, delay=0.05, backoff=1)
    client = KazooClient(hosts=address, timeout=timeout, connection_retry=retry, **options)
    client.start(timeout=20)
    clients.append(client)
    return client


def told(what, call, *args, **options):
    try:
        answer = call(*args, **options)
    except KazooException as error:
        answer = type(error).__name__
    if isinstance(answer, list):
        answer = [type(each).__name__ if isinstance(each, Exception) else each for each in answer]
    say(what, answer)
    return answer


def stat(of):
    return dict(version=of.version, cversion=of.cversion, aversion=of.aversion,
                length=of.dataLength, children=of.numChildren, owned=of.ephemeralOwner != 0)


class Watcher:
    """Events, each waited for."""

    def __init__(self):
        self.events = []
        self.came = threading.Condition()

    def __call__(self, event):
        with self.came:
            self.events.append("%s %s" % (event.type, event.path))
            self.came.notify()

    def hears(self, count):
        with self.came:
            self.came.wait_for(lambda: len(self.events) >= count, timeout=20)
            say("heard", self.events)
            self.events = []


def nodes(one):
    told("create", one.create, "/k", b"x")
    told("again", one.create, "/k", b"x")
    told("orphan", one.create, "/none/a", b"")
    told("deep", one.create, "/k/a/b", b"", makepath=True)
    told("ephemeral", one.create, "/k/e", b"", ephemeral=True)
    told("child of it", one.create, "/k/e/c", b"")
    told("sequential", one.create, "/k/s-", b"", sequence=True)
    told("both", one.create, "/k/s-", b"", sequence=True, ephemeral=True)
    path, of = one.create("/k/with", b"abc", include_data=True)
    say("create2", path, stat(of))
    data, of = one.get("/k")
    say("get", data, stat(of))
    say("set", stat(one.set("/k", b"yz", version=0)))
    told("old version", one.set, "/k", b"", version=0)
    say("exists", stat(one.exists("/k")), one.exists("/none"))
    names, of = one.get_children("/k", include_data=True)
    say("children", sorted(names), stat(of))
    told("not empty", one.delete, "/k")
    told("old version", one.delete, "/k/with", version=7)
    told("delete", one.delete, "/k/with", version=0)
    told("no node", one.delete, "/k/with")
    told("sync", one.sync, "/k")
    told("all of it", one.delete, "/k", recursive=True)


def multi(one):
    one.create("/m", b"x")
    def parts(*calls):
        transaction = one.transaction()
        for name, *args in calls:
            getattr(transaction, name)(*args)
        return transaction.commit()
    told("multi", lambda: [each if isinstance(each, (str, bool)) else stat(each) for each in parts(
        ("create", "/m/a", b"1"), ("set_data", "/m", b"y", 0), ("check", "/m", 1), ("delete", "/m/a", 0))])
    told("failed", parts, ("create", "/m/b", b""), ("check", "/m", 7), ("create", "/m/c", b""))
    told("failed", parts, ("delete", "/m/none"),)
    told("nothing done", one.get_children, "/m")


def permissions(one, two):
    ann = join(auth_data=[("digest", "ann:secret")])
    ann.create("/acl", b"x", acl=CREATOR_ALL_ACL)
    told("stranger", two.get, "/acl")
    acls, of = ann.get_acls("/acl")
    say("acls", [(acl.perms, acl.id.scheme, acl.id.id) for acl in acls], of.aversion)
    told("stranger sets", two.set_acls, "/acl", OPEN_ACL_UNSAFE)
    say("set_acls", stat(ann.set_acls("/acl", [make_digest_acl("bob", "b", read=True)] + CREATOR_ALL_ACL, version=0)))
    told("old version", ann.set_acls, "/acl", OPEN_ACL_UNSAFE, version=0)
    told("add_auth", two.add_auth, "digest", "bob:b")
    say("bob reads", two.get("/acl")[0])
    told("bob writes", two.set, "/acl", b"y")
    told("by address", ann.create, "/local", b"", acl=[make_acl("ip", "127.0.0.1", all=True)])
    told("read by address", lambda: one.get("/local")[0])
    told("bad acl", ann.create, "/bad", b"", acl=[make_acl("magic", "x", all=True)])
    told("unknown scheme", lambda: join().add_auth("magic", "x"))


def watches(one, two):
    watcher = Watcher()
    one.create("/w", b"")
    two.exists("/w/a", watch=watcher)
    two.get_children("/w", watch=watcher)
    two.get("/w", watch=watcher)
    one.create("/w/a", b"")
    watcher.hears(2)
    one.set("/w", b"1")
    one.set("/w", b"2")
    watcher.hears(1)
    two.get("/w/a", watch=watcher)
    two.get_children("/w/a", watch=watcher)
    two.get_children("/w", watch=watcher)
    one.delete("/w/a")
    watcher.hears(3)
    for name in ["/w/m", "/w/n"]:
        two.exists(name, watch=watcher)
    transaction = one.transaction()
    transaction.create("/w/m", b"")
    transaction.create("/w/n", b"")
    transaction.commit()
    watcher.hears(2)


def connections(one):
    client = join(address=far, timeout=3.0)
    states = []
    changed = threading.Condition()
    def listen(state):
        with changed:
            states.append(str(state))
            changed.notify()
    client.add_listener(listen)
    def becomes(state):
        with changed:
            changed.wait_for(lambda: states and states[-1] == state, timeout=30)
            say("states", states)
            del states[:]
    watcher = Watcher()
    one.create("/c", b"")
    client.create("/c/e", b"", ephemeral=True)
    client.get("/c", watch=watcher)
    session = client.client_id[0]
    ask("cut")
    becomes(KazooState.SUSPENDED)
    one.set("/c", b"x")
    ask("mend")
    becomes(KazooState.CONNECTED)
    say("same session", client.client_id[0] == session)
    watcher.hears(1)
    gone = Watcher()
    one.exists("/c/e", watch=gone)
    ask("cut")
    gone.hears(1)
    ask("mend")
    with changed:
        changed.wait_for(lambda: "LOST" in states and states[-1] == "CONNECTED", timeout=30)
        say("states", states)
    say("same session", client.client_id[0] == session)


one, two = join(), join()
for step in (lambda: nodes(one), lambda: multi(one), lambda: watches(one, two), lambda: connections(one),
             lambda: permissions(one, two)):
    step()
for client in clients:
    client.stop()
    client.close()
say("end")
