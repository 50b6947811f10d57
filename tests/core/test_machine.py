"""The same ring under orders that no seed would draw: hypothesis chooses what happens next."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from agentdeck.core.state import TaskState
from agentdeck.testing.generated_plans import generated_plan
from agentdeck.testing.scripted_world import Faults
from agentdeck.testing.simulation import Simulation, possible_commands

# Hypothesis decides when the engine dies and which keys are pressed; the rest stays with the seed.
FAULTS = Faults(crash=0.0, commands=0, meddles=0.0)


class Ring(RuleBasedStateMachine):
    """Time, steps, crashes and commands in any order. The invariants are checked inside."""

    ring: Simulation

    @initialize(plan_seed=st.integers(0, 500), seed=st.integers(0, 500))
    def start(self, plan_seed: int, seed: int) -> None:
        self.ring = Simulation(generated_plan(Random(plan_seed)), seed, FAULTS)

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0, 100.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.ring.advance(seconds)

    @precondition(lambda self: bool(self.ring.flights))
    @rule(index=st.integers(0, 50))
    def some_step_goes_on_at_once(self, index: int) -> None:
        self.ring.finish(self.ring.flights[index % len(self.ring.flights)])

    @precondition(lambda self: self.ring.up)
    @rule()
    def the_engine_dies(self) -> None:
        self.ring.crash()

    @precondition(lambda self: not self.ring.up)
    @rule()
    def a_new_engine_starts(self) -> None:
        self.ring.restart()

    @rule(choice=st.integers(0, 50), seed=st.integers(0, 50), task=st.integers(0, 9))
    def a_key_is_pressed(self, choice: int, seed: int, task: int) -> None:
        tasks = list(self.ring.state.tasks)
        about = tasks[task % len(tasks)]
        possible = possible_commands(self.ring.state, Random(seed), about)
        self.ring.command(possible[choice % len(possible)])

    @precondition(lambda self: self.ring.up and any(self.ring.state.in_state(TaskState.PAUSED)))
    @rule()
    def the_engine_dies_while_an_agent_is_frozen(self) -> None:
        self.ring.crash()
        self.ring.restart()

    def teardown(self) -> None:
        """Left alone, the run ends or says why it stands still."""
        if hasattr(self, "ring"):
            self.ring.run()


TestRing = Ring.TestCase
TestRing.settings = settings(
    deadline=None,
    stateful_step_count=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
