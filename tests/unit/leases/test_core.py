"""The rows of the table of errors, and what else the core decides. The faults of the design are in test_faults.py."""

from __future__ import annotations

import itertools
import math

import pytest

from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases.actions import EndLogin, InspectLogin, LookUp, Read, Renew, RenewLogin
from virtrigaud_secrets.leases.core import LeaseCore
from virtrigaud_secrets.leases.state import Grant, TermState
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.stores.base import AnswerKind, Extension, LoginState, StoreKey

STORE = StoreKey("SecretStore", "ns", "vault")


def high(a: float, b: float) -> float:
    return b


def lease(number: int = 1, sent: float = 0.0, length: float = 100.0, **more) -> Grant:
    given = {"kind": AnswerKind.LEASE, "renewable": True, "lease_id": f"l{number}"}
    return Grant(sent=sent, length=length, **{**given, **more})


def kept(**more) -> LeaseCore:
    core = LeaseCore(uniform=high)
    core.hold("a", lease(**more), store=STORE, now=0.0)
    return core


def only(core: LeaseCore, now: float):
    (action,) = core.due(now)
    return action


def kinds(core: LeaseCore) -> list[EventKind]:
    return [one.kind for one in core.happened]


def rotate(core: LeaseCore, now: float, grant: Grant) -> int:
    core.refresh("a", now)
    action = only(core, now)
    serial = core.read(action, grant, now)
    assert serial is not None
    core.accept("a", now)
    return serial


def test_renewal_asks_for_what_was_granted_first():
    core = kept()
    assert core.wake_at(0.0) == 65.0
    action = only(core, 65.0)
    assert action == Renew(key="a", serial=1, lease_id="l1", increment=100.0)
    assert core.state("a") is TermState.RENEWING
    core.renewed(action, Extension(duration=100, sent=65.0), 65.5)
    assert core.ends("a", 65.5) == 165.0
    assert core.wake_at(65.5) == 130.0
    assert kinds(core) == [EventKind.CREATED, EventKind.RENEWED]


def test_capped_keeps_the_first_increment_and_rotates():
    core = kept()
    core.renewed(only(core, 65.0), Extension(duration=100, sent=65.0), 65.0)
    core.renewed(only(core, 130.0), Extension(duration=40, sent=130.0, capped=True), 130.0)
    assert core.wake_at(130.0) == 138.0
    action = only(core, 138.0)
    assert isinstance(action, Read)
    core.read(action, lease(2, sent=138.0), 138.0)
    core.accept("a", 138.0)
    assert core.wake_at(138.0) == 138.0, "the old one is cut"
    only(core, 138.0)
    assert core.wake_at(138.0) == 138.0 + 65.0, "not taken for one that is never worth renewing"
    assert kinds(core) == [
        EventKind.CREATED,
        EventKind.RENEWED,
        EventKind.CAPPED,
        EventKind.ROTATING,
        EventKind.ROTATED,
    ]


def test_capped_on_the_first_renewal_is_remembered():
    core = kept()
    core.renewed(only(core, 65.0), Extension(duration=5, sent=65.0), 65.0)
    action = only(core, 65.0)
    core.read(action, lease(2, sent=65.0), 65.0)
    core.accept("a", 65.0)
    assert core.wake_at(65.0) == 70.0, "the old one has no more left than a drain"
    core.due(70.0)
    assert core.wake_at(70.0) == 65.0 + 80.0
    assert isinstance(only(core, 145.0), Read)


def renewal_failed(meaning: Meaning, **more) -> LeaseCore:
    core = kept()
    core.renew_failed(only(core, 65.0), Verdict(meaning, text="why", **more), 65.0)
    return core


def test_row_transient_waits():
    core = renewal_failed(Meaning.TRANSIENT)
    assert core.wake_at(65.0) == 66.0
    assert isinstance(only(core, 66.0), Renew)
    told = core.happened[-1]
    assert (told.kind, told.reason, told.attempt, told.remaining) == (EventKind.ERROR, "why", 1, 35.0)


def test_row_retry_after():
    assert renewal_failed(Meaning.TRANSIENT, retry_after=12.0).wake_at(65.0) == 77.0
    assert renewal_failed(Meaning.TRANSIENT, retry_after=99.0).wake_at(65.0) == 65.0 + 17.5


def test_row_gone_is_read_at_once():
    core = renewal_failed(Meaning.GONE)
    assert core.state("a") is TermState.LOST
    assert isinstance(only(core, 65.0), Read)
    assert kinds(core) == [EventKind.CREATED, EventKind.LOST, EventKind.ROTATING]


@pytest.mark.parametrize("meaning", [Meaning.NOT_RENEWABLE, Meaning.DEFINITE])
def test_row_not_renewable_is_rotated_from_now_on(meaning):
    core = renewal_failed(meaning)
    assert core.wake_at(65.0) == 80.0
    assert isinstance(only(core, 80.0), Read)
    assert EventKind.ERROR in kinds(core)


def test_a_lease_at_its_maximum_is_rotated_at_once_and_the_next_one_is_renewed_again():
    core = kept()
    renewal = only(core, 65.0)
    core.renewed(renewal, Extension(duration=100, sent=65.0), 65.0)
    late = only(core, 130.0)
    assert isinstance(late, Renew)
    # An outage kept it from the renewal that would have been capped.
    core.renew_failed(late, Verdict(Meaning.NOT_RENEWABLE), 131.0)
    read = only(core, 131.0)
    assert isinstance(read, Read)
    core.read(read, lease(2, sent=131.0), 131.0)
    core.accept("a", 131.0)
    assert any(isinstance(one, Renew) and one.increment == 100.0 for one in core.due(196.0))


def test_row_unknown_is_looked_up_once():
    core = renewal_failed(Meaning.UNKNOWN)
    look = only(core, core.wake_at(65.0))
    assert isinstance(look, LookUp)
    core.looked_up(look, 33.0, sent=66.0, now=66.0)
    assert core.ends("a", 66.0) == 100.0, "it rounds down, our own account says more"
    again = only(core, core.wake_at(66.0))
    assert isinstance(again, Renew)
    core.renew_failed(again, Verdict(Meaning.UNKNOWN), 68.0)
    assert isinstance(only(core, core.wake_at(68.0)), Renew)


@pytest.mark.parametrize("meaning", [Meaning.GONE, Meaning.UNKNOWN])
def test_row_unknown_and_not_found_is_gone(meaning):
    core = renewal_failed(Meaning.UNKNOWN)
    core.look_up_failed(only(core, 66.0), Verdict(meaning), 66.0)
    assert core.state("a") is TermState.LOST
    assert isinstance(only(core, 66.0), Read)


def test_row_unknown_and_not_allowed_to_look():
    core = renewal_failed(Meaning.UNKNOWN)
    core.look_up_failed(only(core, 66.0), Verdict(Meaning.DEFINITE), 66.0)
    again = only(core, core.wake_at(66.0))
    assert isinstance(again, Renew)
    core.renew_failed(again, Verdict(Meaning.UNKNOWN), 69.0)
    assert isinstance(only(core, core.wake_at(69.0)), Renew), "never asked again"


def test_row_role_gone_is_read_and_served_to_its_end():
    core = renewal_failed(Meaning.ROLE_GONE)
    action = only(core, core.wake_at(65.0))
    assert isinstance(action, Read)
    core.read_failed(action, Verdict(Meaning.DEFINITE, text="unknown role"), 66.0)
    assert core.ends("a", 66.0) == 100.0
    assert isinstance(only(core, core.wake_at(66.0)), Read)


def test_look_up_of_nothing_is_gone():
    core = kept()
    assert core.report("a", 1, 1.0)
    core.looked_up(only(core, 1.0), 0.0, sent=1.0, now=1.0)
    assert core.state("a") is TermState.LOST


def test_look_up_during_an_outage_past_the_end_is_no_loop():
    core = kept(length=6.0)
    core.report("a", 1, 1.0)
    now, asked = 1.0, []
    while now < 60.0:
        for action in core.due(now):
            asked.append((now, type(action)))
            if isinstance(action, LookUp):
                core.look_up_failed(action, Verdict(Meaning.TRANSIENT), now)
            elif isinstance(action, Renew):
                core.renew_failed(action, Verdict(Meaning.TRANSIENT), now)
            else:
                core.read_failed(action, Verdict(Meaning.TRANSIENT), now)
        now = core.wake_at(now)
    assert all(later - earlier >= 0.5 for (earlier, _), (later, _) in itertools.pairwise(asked))
    assert {kind for at, kind in asked if at > 6.0} == {Read}
    assert kinds(core).count(EventKind.EXPIRED) == 1


def test_last_try_comes_before_the_end():
    core = kept()
    now, tries = 65.0, []
    while now < 101.0:
        for action in core.due(now):
            tries.append(now)
            if isinstance(action, Renew):
                core.renew_failed(action, Verdict(Meaning.TRANSIENT), now)
            else:
                core.read_failed(action, Verdict(Meaning.TRANSIENT), now)
        now = core.wake_at(now)
    assert any(99.0 <= at < 100.0 for at in tries)


def test_late_and_failing_reads_and_renews_in_turn():
    core = kept()
    now, tries = 65.0, []
    while now < 99.0:
        for action in core.due(now):
            tries.append((now, type(action)))
            if isinstance(action, Renew):
                core.renew_failed(action, Verdict(Meaning.TRANSIENT), now)
            else:
                core.read_failed(action, Verdict(Meaning.TRANSIENT), now)
        now = core.wake_at(now)
    late = [kind for at, kind in tries if at > 75.0]
    assert {kind for at, kind in tries if at <= 75.0} == {Renew}
    assert {(Renew, Read), (Read, Renew)} == set(itertools.pairwise(late))


def test_a_renewal_that_comes_through_late_ends_the_row_of_failures():
    core = kept()
    now = 65.0
    while now < 85.0:
        for action in core.due(now):
            if isinstance(action, Renew):
                core.renew_failed(action, Verdict(Meaning.TRANSIENT), now)
            else:
                core.read_failed(action, Verdict(Meaning.TRANSIENT), now)
        now = core.wake_at(now)
    while not isinstance(action := only(core, now), Renew):
        core.read_failed(action, Verdict(Meaning.TRANSIENT), now)
        now = core.wake_at(now)
    core.renewed(action, Extension(duration=100, sent=now), now)
    now = core.wake_at(now)
    core.renew_failed(only(core, now), Verdict(Meaning.TRANSIENT), now)
    hold = core._holds["a"]
    assert (hold.attempt, hold.term.attempt) == (0, 1)
    core.refresh("a", now)
    core.read_failed(only(core, core.wake_at(now)), Verdict(Meaning.TRANSIENT), now + 1)
    assert core.wake_at(now + 1) == now + 2


def test_lost_answer_of_a_read_waits_a_second():
    core = kept(length=4.0, renewable=False)
    action = only(core, core.wake_at(0.0))
    core.read_failed(action, Verdict(Meaning.TRANSIENT, acted=True), 3.5)
    assert core.no_read_until("a") == 4.5
    assert core.due(4.0) == core.due(4.49) == []
    assert isinstance(only(core, 4.5), Read)


def test_lost_answer_of_a_read_does_not_put_off_a_renewal():
    core = kept(length=20.0)
    now = core.wake_at(0.0)
    asked: list[tuple[float, type]] = []
    while now < 20.0:
        (action,) = core.due(now)
        asked.append((now, type(action)))
        failed = core.read_failed if isinstance(action, Read) else core.renew_failed
        failed(action, Verdict(Meaning.TRANSIENT, acted=True), now)
        now = core.wake_at(now)
    # In turn while it is late: a renewal comes half a second after a read, another read a second.
    assert [kind for at, kind in asked if at > 15.0] == [Read, Renew, Read, Renew, Read, Renew, Renew]
    waits = [later[0] - earlier[0] for earlier, later in itertools.pairwise(asked)]
    assert waits[-4:-1] == [0.65625, 0.5, 0.5]
    # The last try comes just before the end, and no other one within half a second before it.
    assert asked[-1][0] == 19.9


def test_lost_answer_of_what_makes_nothing_does_not_put_off_the_next_read():
    core = LeaseCore(uniform=high)
    core.hold("a", lease(kind=AnswerKind.STATIC_ROLE, lease_id="", length=4.0), store=STORE, now=0.0)
    action = only(core, core.wake_at(0.0))
    core.read_failed(action, Verdict(Meaning.TRANSIENT, acted=True), 6.0)
    assert core.no_read_until("a") == -math.inf
    assert core.wake_at(6.0) == 6.5


def test_lost_answer_of_somebody_elses_read_is_not_repeated_in_haste_either():
    core = kept(renewable=False)
    due = core.wake_at(0.0)
    core.lost_answer("a", due - 0.2)
    core.lost_answer("unknown", due)
    assert core.due(due) == []
    assert isinstance(only(core, due + 0.8), Read)


def test_what_a_request_took_is_known_of_what_was_read_on_demand():
    core = LeaseCore(uniform=high)
    core.hold("a", lease(length=6.0), store=STORE, now=0.3)
    now = core.wake_at(0.3)
    while now < 5.4:
        (action,) = core.due(now)
        failed = core.read_failed if isinstance(action, Read) else core.renew_failed
        failed(action, Verdict(Meaning.TRANSIENT), now)
        now = core.wake_at(now)
    assert now == 5.5, "half a second before the end, the most that is left for an answer"


def test_a_lost_credential_is_given_out_until_a_read_has_failed():
    core = renewal_failed(Meaning.GONE)
    assert core.ends("a", 65.0) == core.ends_of(1, 65.0) == 100.0
    core.read_failed(only(core, 65.0), Verdict(Meaning.TRANSIENT), 66.0)
    assert core.ends("a", 66.0) == core.ends_of(1, 66.0) == 66.0
    assert core.wake_at(66.0) == 67.0


def test_rejected_successor_is_cut_and_what_was_in_use_stays():
    core = kept()
    core.refresh("a", 1.0)
    action = only(core, 1.0)
    assert core.read(action, lease(2, sent=1.0), 1.0) == 2
    assert core.pending("a") == 2
    core.reject("a", Verdict(Meaning.DEFINITE, text="template"), 1.0)
    assert (core.serial("a"), core.pending("a")) == (1, None)
    assert [one.increment for one in core.due(1.0) if isinstance(one, Renew)] == [1.0]
    assert core.wake_at(1.0) == 2.0


def test_offered_and_accepted_later():
    core = kept()
    assert core.offer("a", lease(2, sent=1.0), store=STORE, now=1.0) == 2
    assert core.serial("a") == 1
    assert core.due(80.0) == [], "somebody decides on another one"
    assert core.offer("a", lease(3, sent=2.0), store=STORE, now=2.0) == 3
    core.accept("a", 80.0)
    core.accept("a", 80.0)
    assert core.serial("a") == 3
    cut = {one.lease_id: one.increment for one in core.due(80.0) if isinstance(one, Renew)}
    assert cut["l2"] == 1.0


def test_accepted_while_it_waits_for_the_gate_is_not_asked_for_once_more():
    core = LeaseCore(uniform=high)
    for number in range(40):
        core.hold(number, lease(number), store=STORE, now=0.0)
    first = core.due(65.0)
    assert len(first) == 3
    waiting = next(number for number in range(39, -1, -1) if number not in {one.key for one in first})
    core.hold(waiting, lease(100, sent=65.0), store=STORE, now=65.0)
    asked = []
    now = 65.0
    while now < 75.0:
        for action in first:
            core.renewed(action, Extension(duration=100, sent=now), now)
        first = core.due(now)
        asked += [one.lease_id for one in first]
        now += 0.1
    assert "l100" not in asked


def test_replaced_while_a_renewal_is_under_way_is_cut_after_the_answer():
    core = kept()
    renewal = only(core, 65.0)
    core.hold("a", lease(2, sent=65.5), store=STORE, now=65.5)
    assert core.due(65.5) == []
    core.renewed(renewal, Extension(duration=100, sent=65.0), 66.0)
    (cut,) = core.due(66.0)
    assert (cut.lease_id, cut.increment) == ("l1", 10.0)


def test_replaced_while_a_look_up_is_under_way_is_cut_after_the_answer():
    core = kept()
    core.report("a", 1, 1.0)
    look = only(core, 1.0)
    core.hold("a", lease(2, sent=1.5), store=STORE, now=1.5)
    assert core.due(1.5) == []
    core.looked_up(look, 98.0, sent=1.0, now=2.0)
    assert only(core, 2.0).lease_id == "l1"


def test_released_is_cut_and_forgotten():
    core = kept()
    core.release("a", 1.0)
    core.release("a", 1.0)
    assert (core.ends("a", 1.0), core.serial("a"), len(core)) == (-math.inf, None, 0)
    action = only(core, 1.0)
    assert action.increment == 1.0
    core.renewed(action, Extension(duration=1, sent=1.0), 1.1)
    assert core.due(2.0) == []
    assert core.ends_of(1, 2.0) == -math.inf
    assert core.wake_at(2.0) == math.inf
    assert kinds(core) == [EventKind.CREATED, EventKind.RELEASED]


def test_answers_for_what_was_released_do_not_matter():
    core = kept()
    core.refresh("a", 0.0)
    read = only(core, 0.0)
    core.release("a", 1.0)
    core.due(1.0)
    assert core.read(read, lease(2, sent=0.0), 2.0) is None
    core.accept("a", 2.0)
    core.reject("a", Verdict(Meaning.TRANSIENT), 2.0)
    assert len(core) == 0
    assert [one.lease_id for one in core.due(2.0)] == ["l2"]


def test_read_elsewhere_waits_a_moment():
    core = LeaseCore(uniform=high)
    core.hold("a", Grant(kind=AnswerKind.INTERVAL, sent=0.0, length=10.0), store=None, now=0.0)
    core.read_elsewhere(only(core, 10.0), 10.0)
    assert core.wake_at(10.0) == 10.5


def test_usable():
    core = kept()
    assert core.usable("a", 1, 0.0)
    assert not core.usable("a", 2, 0.0)
    assert not core.usable("b", 1, 0.0)
    assert not core.usable("a", 1, 100.0)
    core.offer("a", lease(2), store=STORE, now=0.0)
    assert core.usable("a", 2, 0.0)
    assert not core.usable("a", 1, 0.0)


def test_report_is_looked_up_and_does_not_shorten_the_wait_after_a_failure():
    core = kept()
    assert not core.report("b", 1, 0.0)
    assert not core.report("a", 7, 0.0)
    core.renew_failed(only(core, 65.0), Verdict(Meaning.TRANSIENT), 65.0)
    assert core.report("a", 1, 65.1)
    assert core.wake_at(65.1) == 66.0
    assert isinstance(only(core, 66.0), LookUp)


def test_report_of_what_may_not_be_looked_up_is_read():
    core = kept()
    core.report("a", 1, 1.0)
    core.look_up_failed(only(core, 1.0), Verdict(Meaning.DEFINITE), 1.0)
    assert isinstance(only(core, 1.0), Read)


def test_report_while_it_is_read_leads_to_nothing():
    core = kept()
    core.refresh("a", 0.0)
    only(core, 0.0)
    assert not core.report("a", 1, 0.0)


def test_refresh_does_not_shorten_the_wait_after_a_failure():
    core = kept()
    core.refresh("a", 0.0)
    core.refresh("b", 0.0)
    core.read_failed(only(core, 0.0), Verdict(Meaning.TRANSIENT), 0.0)
    for tenth in range(10):
        core.refresh("a", tenth / 10)
        assert core.due(tenth / 10) == []
    assert len(core.due(1.0)) == 1


def test_value_without_lease_does_not_end_with_a_login():
    core = LeaseCore(uniform=high)
    core.login_seen(STORE, state(duration=60), 0.0)
    core.hold("a", Grant(kind=AnswerKind.INTERVAL, sent=0.0, length=10.0, login=1), store=STORE, now=0.0)
    core.hold("b", Grant(kind=AnswerKind.STATIC_ROLE, sent=0.0, length=10.0, login=1), store=STORE, now=0.0)
    assert core.ends("a", 0.0) == core.ends("b", 0.0) == math.inf


def state(generation: int = 1, **more) -> LoginState:
    given = {"own": True, "renewable": True, "replaceable": True, "duration": 60, "sent": 0.0}
    return LoginState(generation=generation, **{**given, **more})


def test_lease_ends_with_its_login_and_is_moved_to_the_next():
    core = LeaseCore(uniform=high)
    core.login_seen(STORE, state(), 0.0)
    core.hold("a", lease(login=1), store=STORE, now=0.0)
    assert core.ends("a", 0.0) == 60.0
    renewal = only(core, 39.0)
    assert isinstance(renewal, RenewLogin)
    core.login_failed(renewal, Verdict(Meaning.NOT_RENEWABLE), 39.0)
    only(core, 39.0)
    core.login_done(STORE, state(2, sent=39.0), 40.0)
    read = only(core, 40.0)
    core.read(read, lease(2, sent=40.0, login=2), 40.0)
    core.accept("a", 40.0)
    assert core.ends("a", 40.0) == 99.0


def test_many_leases_are_moved_one_after_the_other():
    core = LeaseCore(uniform=high)
    core.login_seen(STORE, state(duration=6000), 0.0)
    for number in range(31):
        core.hold(number, lease(number, login=1), store=STORE, now=0.0)
    core.login_seen(STORE, state(2, duration=6000), 1.0)
    assert core.wake_at(1.0) == 4.0


def test_former_login_is_ended_when_its_last_credential_has_drained():
    core = LeaseCore(uniform=high)
    core.login_seen(STORE, state(duration=6000), 0.0)
    core.hold("a", lease(login=1), store=STORE, now=0.0)
    core.login_seen(STORE, state(2, duration=6000), 0.0)
    read = only(core, 0.0)
    core.read(read, lease(2, sent=0.0, login=2), 0.0)
    core.accept("a", 0.0)
    core.renewed(only(core, 0.0), Extension(duration=10, sent=0.0), 0.0)
    assert core.due(10.0) == core.due(39.9) == []
    assert core.due(40.0) == [EndLogin(store=STORE, generation=1)]
    core.login_ended()
    assert core.due(40.0) == []


def test_a_login_that_is_not_known_is_looked_at():
    core = LeaseCore(uniform=high)
    core.login_seen(STORE, state(duration=None), 0.0)
    core.hold("a", lease(login=1), store=STORE, now=0.0)
    assert isinstance(only(core, 0.0), InspectLogin)


def test_unpin_of_what_nobody_pinned_and_pin_of_what_is_gone():
    core = kept()
    core.unpin(1, 0.0)
    core.pin(99, 0.0)
    core.unpin(99, 0.0)
    core.pin(1, 0.0)
    core.unpin(1, 0.0)
    core.refresh("a", 0.0)
    assert isinstance(only(core, 0.0), Read)


def test_an_answer_that_was_given_already_is_an_error():
    core = kept()
    action = only(core, 65.0)
    core.renewed(action, Extension(duration=100, sent=65.0), 65.0)
    with pytest.raises(KeyError):
        core.renewed(action, Extension(duration=100, sent=65.0), 65.0)


def test_jump_does_not_hurry_what_is_failing_and_leaves_the_future_alone():
    core = kept()
    core.jumped(10.0, 1.0)
    assert core.ends("a", 1.0) == 90.0
    assert isinstance(only(core, 1.0), LookUp)


def test_jump_while_a_renewal_is_under_way_counts_for_its_answer():
    core = kept()
    action = only(core, 65.0)
    core.jumped(30.0, 66.0)
    core.renewed(action, Extension(duration=100, sent=65.0), 66.0)
    assert core.ends("a", 66.0) == 135.0
    assert isinstance(only(core, 66.0), LookUp)


def test_nothing_to_do():
    core = LeaseCore(uniform=high)
    assert core.due(0.0) == []
    assert core.wake_at(0.0) == math.inf
    core.login_seen(STORE, state(), 0.0)
    assert core.wake_at(0.0) == math.inf


def drained_under_way() -> tuple[LeaseCore, Renew]:
    """A core whose replaced lease is being cut when the login of both is refused."""
    core = LeaseCore(uniform=high)
    core.login_seen(STORE, state(duration=6000), 0.0)
    core.hold("a", lease(login=1), store=STORE, now=0.0)
    rotate(core, 1.0, lease(2, sent=1.0, login=1))
    cut = only(core, 1.0)
    assert isinstance(cut, Renew)
    core.login_seen(STORE, state(2, duration=6000, replaced_dead=True), 2.0)
    assert core.ends_of(1, 2.0) == -math.inf
    assert core.state("a") is TermState.LOST
    return core, cut


def test_answer_for_what_died_with_its_login_does_not_matter():
    core, cut = drained_under_way()
    core.renewed(cut, Extension(duration=10, sent=1.0), 3.0)
    core, cut = drained_under_way()
    core.renew_failed(cut, Verdict(Meaning.GONE), 3.0)
    assert isinstance(only(core, 3.0), Read)


@pytest.mark.parametrize("answer", ["renewed", "failed", "looked-up", "look-up-failed"])
def test_answer_for_what_is_lost_already_does_not_matter(answer):
    core = LeaseCore(uniform=high)
    core.login_seen(STORE, state(duration=6000), 0.0)
    core.hold("a", lease(login=1), store=STORE, now=0.0)
    if "look" in answer:
        core.report("a", 1, 65.0)
    action = only(core, 65.0)
    core.login_seen(STORE, state(2, duration=6000, replaced_dead=True), 66.0)
    if answer == "renewed":
        core.renewed(action, Extension(duration=100, sent=65.0), 67.0)
    elif answer == "failed":
        core.renew_failed(action, Verdict(Meaning.GONE), 67.0)
    elif answer == "looked-up":
        core.looked_up(action, 50.0, sent=65.0, now=67.0)
    else:
        core.look_up_failed(action, Verdict(Meaning.TRANSIENT), 67.0)
    assert core.state("a") is TermState.LOST
    assert isinstance(only(core, 67.0), Read)
    assert kinds(core).count(EventKind.LOST) == 1


def test_successor_that_died_with_its_login_is_read_anew_once_it_is_accepted():
    core = LeaseCore(uniform=high)
    core.login_seen(STORE, state(duration=6000), 0.0)
    core.hold("a", lease(login=1), store=STORE, now=0.0)
    core.offer("a", lease(2, login=1), store=STORE, now=1.0)
    core.login_seen(STORE, state(2, duration=6000, replaced_dead=True), 2.0)
    core.accept("a", 2.0)
    assert core.state("a") is TermState.LOST
    assert isinstance(only(core, 2.0), Read)


def test_lease_read_with_a_former_login_is_moved():
    core = LeaseCore(uniform=high)
    core.login_seen(STORE, state(duration=6000), 0.0)
    core.login_seen(STORE, state(2, duration=6000), 0.0)
    core.hold("a", lease(login=1), store=STORE, now=0.0)
    assert isinstance(only(core, 0.0), Read)


def test_late_answer_for_a_failed_read_of_an_older_generation():
    core = kept()
    core.refresh("a", 0.0)
    read = only(core, 0.0)
    core.release("a", 0.0)
    core.read_elsewhere(read, 1.0)
    assert len(core) == 0


def test_what_was_offered_while_a_read_was_under_way_ends_when_that_is_answered():
    core = kept()
    core.refresh("a", 0.0)
    read = only(core, 0.0)
    core.offer("a", lease(2), store=STORE, now=0.0)
    assert core.read(read, lease(3), 1.0) == 3
    assert isinstance(only(core, 1.0), Renew), "the one that was offered is cut"


def test_a_read_for_what_was_released_is_not_taken_for_one_of_what_came_after_it():
    core = kept()
    core.refresh("a", 0.0)
    former = only(core, 0.0)
    core.release("a", 0.0)
    core.hold("a", lease(2), store=STORE, now=0.0)
    core.refresh("a", 0.0)
    action = next(action for action in core.due(0.0) if isinstance(action, Read))
    assert action != former
    assert core.read(former, lease(3), 1.0) is None
    assert core.read(action, lease(4), 1.0) is not None


def test_a_read_that_has_to_wait_is_due_then():
    core = LeaseCore(uniform=high)
    core.hold("a", Grant(kind=AnswerKind.INTERVAL, sent=0.0, length=60.0), store=None, now=0.0)
    core.read_elsewhere(only(core, 60.0), 60.0, until=500.0)
    assert core.wake_at(60.0) == 500.0
    assert core.due(499.0) == []
    assert isinstance(only(core, 500.0), Read)


def test_two_logins_are_asked_about_each_for_itself():
    other = StoreKey("SecretStore", "ns", "other")
    core = LeaseCore(uniform=high)
    for number, store in enumerate((STORE, other)):
        core.login_seen(store, state(), 0.0)
        core.hold(number, lease(number, login=1, length=1000.0), store=store, now=0.0)
    first, second = core.due(39.0)
    assert {first.store, second.store} == {STORE, other}
    core.login_done(STORE, state(sent=39.0), 39.0)
    core.login_done(other, state(sent=39.0), 39.0)
    assert core.wake_at(39.0) == 78.0


def test_pin_of_what_waits_to_be_cut_keeps_it_alive():
    core = kept()
    rotate(core, 1.0, lease(2, sent=1.0))
    core.pin(1, 1.0)
    (action,) = core.due(1.0)
    assert action.increment == 100.0


def test_what_ended_while_it_waited_for_the_gate_costs_nothing():
    core = LeaseCore(uniform=high)
    for number in range(30):
        core.hold(number, lease(number, length=20.0), store=STORE, now=0.0)
        core.release(number, 0.0)
    for action in core.due(0.0):
        core.renew_failed(action, Verdict(Meaning.GONE), 30.0)
    assert core.due(30.0) == []
    assert core.wake_at(30.0) == math.inf


def reads(core: LeaseCore, now: float) -> list[Read]:
    """What is to be read now; what is cut meanwhile is cut."""
    actions = core.due(now)
    for action in actions:
        if isinstance(action, Renew):
            core.renewed(action, Extension(duration=1, sent=now), now)
    return [action for action in actions if isinstance(action, Read)]


def refused(core: LeaseCore, now: float, number: int, **more) -> float:
    """Let the rotation that is due be refused; until when no other credential is read."""
    (action,) = reads(core, now)
    core.read(action, lease(number, sent=now, **more), now)
    core.reject("a", Verdict(Meaning.DEFINITE, text="template"), now)
    reads(core, now)
    until = core.no_read_until("a")
    assert not any(reads(core, moment) for moment in (now + (until - now) / 2, until - 0.01))
    return until


def test_a_rotation_that_is_refused_is_tried_less_and_less_often():
    core = kept(renewable=False, length=1000.0)
    waits, now = [], core.wake_at(0.0)
    assert now == 800.0
    for number in itertools.count(2):
        following = refused(core, now, number, length=1000.0)
        waits.append(following - now)
        now = following
        if now == 999.9:
            break
    # Once more just before the end, in case it was mended, and then at half the length that is granted, at most.
    assert waits[:-1] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
    following = refused(core, now, 50, length=1000.0)
    assert EventKind.EXPIRED in kinds(core), "told when it happens"
    assert following - now == pytest.approx(256.0)
    assert refused(core, following, 51, length=1000.0) - following == 500.0
    (action,) = reads(core, following + 500.0)
    core.read(action, lease(60, sent=following + 500.0, length=1000.0), following + 500.0)
    core.accept("a", following + 500.0)
    assert core.no_read_until("a") == -math.inf


def test_what_is_in_force_is_renewed_while_others_are_refused():
    core = kept()
    serial = core.offer("a", lease(2, sent=60.0), store=STORE, now=60.0)
    assert core.pending("a") == serial
    core.reject("a", Verdict(Meaning.DEFINITE), 60.0)
    sent: list[str] = []
    now = 60.0
    while now < 95.0:
        for action in core.due(now):
            sent.append(f"{type(action).__name__} {getattr(action, 'lease_id', '')}")
            if isinstance(action, Renew):
                length = 100 if action.lease_id == "l1" else 1
                core.renewed(action, Extension(duration=length, sent=now), now)
        now += 0.5
    assert "Renew l1" in sent
    assert not any(one.startswith("Read") for one in sent)


@pytest.mark.parametrize("kind", [AnswerKind.STATIC_ROLE, AnswerKind.INTERVAL])
def test_what_makes_nothing_is_not_put_off(kind):
    core = LeaseCore(uniform=high)
    core.hold("a", lease(kind=kind, lease_id=""), store=STORE, now=0.0)
    core.refresh("a", 1.0)
    action = only(core, 1.0)
    core.read(action, lease(2, sent=1.0, kind=kind, lease_id=""), 1.0)
    core.reject("a", Verdict(Meaning.DEFINITE), 1.0)
    assert core.no_read_until("a") == -math.inf
    assert core.no_read_until("unknown") == -math.inf


def test_trouble_of_a_store_does_not_put_off():
    core = kept()
    core.refresh("a", 1.0)
    core.read(only(core, 1.0), lease(2, sent=1.0), 1.0)
    core.reject("a", Verdict(Meaning.TRANSIENT), 1.0)
    assert core.no_read_until("a") == -math.inf


def test_a_day_after_renewing_was_of_no_use_it_is_tried_again():
    core = kept()
    core.renew_failed(only(core, 65.0), Verdict(Meaning.NOT_RENEWABLE), 65.0)
    day = 24 * 3600.0
    for now, until_next in ((80.0, 80.0), (64.0 + day, 80.0), (65.0 + day, 65.0)):
        rotate(core, now, lease(int(now), sent=now))
        for moment in (now, now + 12.0):
            assert reads(core, moment) == [], "what was replaced is cut, and gone"
        assert core.wake_at(now + 12.0) == now + until_next
    action = only(core, 130.0 + day)
    assert isinstance(action, Renew)
    core.renewed(action, Extension(duration=100, sent=130.0 + day), 130.0 + day)
    assert core.wake_at(130.0 + day) == 195.0 + day
