import math
import threading
from concurrent.futures import Future
from datetime import UTC, datetime

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.cache.entries import Entries, Entry, SecretName, Snapshot
from virtrigaud_secrets.cache.freshness import Freshness

CANARY = "canary-" + "c9"


class Taker:
    def prepare(self, snapshot, *, changed):
        return lambda: None

    def drop(self):
        pass


def snapshot(**fields):
    given = {
        "bundle": Bundle({"password": CANARY.encode()}),
        "made_at": datetime(2030, 1, 1, tzinfo=UTC),
        "made": 0.0,
        "read_at": 0.0,
        "interval": 60.0,
        "refresh_at": 50.0,
        "stale_at": 60.0,
        "ends": 120.0,
        "serials": {},
        "found": {},
    }
    return Snapshot(**(given | fields))


def name(number):
    return SecretName("ns", f"{number:03}")


def test_a_name_reads_as_kubernetes_writes_it_and_sorts():
    assert str(SecretName("ns", "a")) == "ns/a"
    assert SecretName("a", "z") < SecretName("b", "a")


def test_a_snapshot_tells_what_to_do():
    one = snapshot()
    assert [one.freshness(now) for now in (0, 55, 60, 120)] == [
        Freshness.FRESH,
        Freshness.REVALIDATE,
        Freshness.WAIT,
        Freshness.ENDED,
    ]
    one.ends = 40.0
    assert one.freshness(40) is Freshness.ENDED


def test_no_text_of_them_shows_a_value():
    entry = Entry(name(1), snapshot=snapshot())
    assert CANARY not in f"{entry!r} {entry.snapshot!r} {entry}"


def test_obtain_makes_one_and_keeps_it():
    entries = Entries(10, dropped=lambda _: None)
    assert entries.get(name(1)) is None
    entry = entries.obtain(name(1))
    assert entries.obtain(name(1)) is entry is entries.get(name(1))
    assert (len(entries), entries.all()) == (1, [entry])
    assert entries.pop(name(1)) is entry
    assert entries.pop(name(1)) is None
    assert len(entries) == 0


def test_many_threads_get_the_same_one():
    entries = Entries(10, dropped=lambda _: None)
    found, start = [], threading.Barrier(16)

    def ask():
        start.wait()
        found.append(entries.obtain(name(1)))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_the_one_not_used_for_longest_goes_first():
    gone = []
    entries = Entries(3, dropped=gone.append)
    for number, used in enumerate((5.0, 1.0, 3.0)):
        entries.obtain(name(number)).used = used
    entries.obtain(name(9))
    assert [entry.name for entry in gone] == [name(1)]
    assert len(entries) == 3


def test_a_hundredth_goes_at_once():
    gone = []
    entries = Entries(300, dropped=gone.append)
    for number in range(301):
        entries.obtain(name(number)).used = number
    assert [entry.name for entry in gone] == [name(0), name(1), name(2)]


def test_one_that_somebody_subscribed_to_never_goes():
    gone = []
    entries = Entries(2, dropped=gone.append)
    for number in range(2):
        entries.obtain(name(number)).takers.append(Taker())
    entries.obtain(name(2))
    entries.obtain(name(3))
    assert [entry.name for entry in gone] == [name(2)]
    assert entries.get(name(0)) is not None


def test_the_one_dropped_is_told_without_the_lock_held():
    entries = Entries(1, dropped=lambda entry: entries.pop(entry.name))
    entries.obtain(name(1))
    entries.obtain(name(2))
    assert [entry.name for entry in entries.all()] == [name(2)]


def test_a_new_entry_is_free_to_be_asked():
    entry = Entry(name(1))
    assert (entry.snapshot, entry.flight, entry.error, entry.failures) == (None, None, None, 0)
    assert entry.blocked_until == -math.inf
    assert not entry.gone


def test_one_that_was_just_made_or_is_being_made_is_not_the_first_to_go():
    gone = []
    entries = Entries(2, dropped=gone.append)
    entries.obtain(name(1)).flight = Future()
    entries.obtain(name(2)).used = 7.0
    entries.get(name(1)).used = 1.0
    fresh = entries.obtain(name(3))
    assert [entry.name for entry in gone] == [name(2)]
    assert fresh.used == math.inf
