"""Features of an agent's call against the task it declared: where what it asks for comes from.

The shares and counts are measured where an event enters, see `features/event/task_fit.py`; without a task, arguments or
outputs they are unknown.
"""

from __future__ import annotations

from features.arrays import Record
from features.catalogue.registration import feature
from features.history.category_codes import is_write


@feature(unit="cosine distance, 0 to 1", direction=1, tells="an agent talked into another task from one at its own")
def call_unlike_task(event: Record) -> float:
    """The call and its arguments are unlike the task that the agent declared.

    >>> reading(call_unlike_task, event={"task_similarity": 0.25})
    0.75
    """
    return 1.0 - event.task_similarity


@feature(unit="cosine distance, 0 to 1", direction=1, tells="a diverted agent's change from its task's own look-ups")
def change_unlike_task(event: Record) -> float:
    """The call changes something, and is unlike the task that the agent declared.

    >>> reading(change_unlike_task, event={"category": 3, "task_similarity": 0.25})
    0.75
    """
    return is_write(event.category) * (1.0 - event.task_similarity)


@feature(unit="share", direction=1, tells="a call that an injected text asked for from one of the task")
def arguments_outside_task(event: Record) -> float:
    """The arguments of the call are mostly not from the task that the agent declared.

    >>> reading(arguments_outside_task, event={"arguments_in_task": 0.25})
    0.75
    """
    return 1.0 - event.arguments_in_task


@feature(unit="share", direction=1, tells="a mail that an injected text asked for from one of the task")
def change_outside_task(event: Record) -> float:
    """The call changes something with arguments that are mostly not from the declared task.

    >>> reading(change_outside_task, event={"category": 3, "arguments_in_task": 0.25})
    0.75
    """
    return is_write(event.category) * (1.0 - event.arguments_in_task)


@feature(unit="share", direction=0, tells="arguments that a tool returned from arguments that the model made up")
def arguments_from_output(event: Record) -> float:
    """The arguments of the call come from what tools returned, not from the declared task.

    >>> reading(arguments_from_output, event={"arguments_in_output": 0.25})
    0.25
    """
    return event.arguments_in_output


@feature(unit="share", direction=1, tells="invented or smuggled arguments from those of the task or of its tools")
def arguments_from_nowhere(event: Record) -> float:
    """The arguments of the call come neither from the declared task nor from what tools returned.

    >>> reading(arguments_from_nowhere, event={"arguments_in_task": 0.25, "arguments_in_output": 0.5})
    0.25
    """
    elsewhere = 1.0 - event.arguments_in_task - event.arguments_in_output
    return 0.0 if elsewhere < 0.0 else elsewhere


@feature(unit="addresses and accounts", direction=1, tells="a recipient the task never named from one it did")
def entities_outside_task(event: Record) -> float:
    """The arguments name addresses, accounts or the like that the declared task does not name.

    >>> reading(entities_outside_task, event={"entities_outside_task": 2.0})
    2.0
    """
    return event.entities_outside_task


@feature(unit="addresses and accounts", direction=1, tells="a recipient planted in what the agent read from a contact")
def entities_from_output(event: Record) -> float:
    """The arguments name addresses, accounts or the like that the agent read in an output, not in its task.

    >>> reading(entities_from_output, event={"entities_from_output": 1.0})
    1.0
    """
    return event.entities_from_output


@feature(unit="addresses and accounts", direction=1, tells="a change at a planted recipient from looking one up")
def change_with_entities_from_output(event: Record) -> float:
    """The call changes something at an address or account that the agent read in an output, not in its task.

    >>> reading(change_with_entities_from_output, event={"category": 3, "entities_from_output": 1.0})
    1.0
    """
    return is_write(event.category) * event.entities_from_output
