"""Play a state machine, the same way for all of them."""

from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def play(machine: type[RuleBasedStateMachine], story: Sequence[str], *, examples: int, steps: int, seed_: int) -> None:
    """Run a machine; raise what it finds, with its story. The same seed plays the same steps.

    The story is not made shorter: that takes many times as long as finding it.
    """
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seed(seed_)(machine), settings=chosen)
    except BaseException as error:
        error.add_note("\n".join([f"seed {seed_}:", *story]))
        raise
