"""What happens at one moment is handed out together, in an order of its own."""

from __future__ import annotations

from agentdeck.core.agenda import Agenda

A, B = 0, 1  # what happens


def test_moments_come_in_their_order() -> None:
    agenda = Agenda()
    agenda.after(5.0, A, 1)
    agenda.after(0.0, A, 2)
    agenda.after(2.0, A, 3)
    seen = []
    while found := agenda.go_on():
        seen.append((agenda.now, found))
    assert seen == [
        ((0.0, 1), [(A, 2, 0)]),
        ((2.0, 0), [(A, 3, 0)]),
        ((5.0, 0), [(A, 1, 0)]),
    ]


def test_what_happens_at_one_moment_is_sorted_however_it_was_put_there() -> None:
    """The next round is one moment, whether it was named or follows from taking no time."""
    agenda = Agenda()
    agenda.at((0.0, 1), B, 7)
    agenda.after(0.0, B, 3)
    agenda.next_round.append((A, 9, 0))
    agenda.at((0.0, 1), A, 2, 4)
    assert agenda.go_on() == [(A, 2, 4), (A, 9, 0), (B, 3, 0), (B, 7, 0)]
    assert agenda.now == (0.0, 1)
    assert agenda.go_on() == []


def test_what_is_too_short_to_be_a_time_takes_a_round() -> None:
    agenda = Agenda()
    agenda.after(1e9, A, 1)
    agenda.go_on()
    agenda.after(1e-9, B, 1)
    assert agenda.go_on() == [(B, 1, 0)]
    assert agenda.now == (1e9, 1)
