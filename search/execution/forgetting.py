"""`forget_ended`: lets Ray Tune forget the trials that have ended, of which it keeps everything for ever.

Ray Tune (2.60) keeps about 40 KiB for each trial: the trial itself, also in the callback that shows progress, the calls
that it had in store for a worker of its own when it got one that is used again, and a reference to every call of
such a worker (`RayActorManager`). It also goes through all trials at every
step of its loop. A search with thousands of trials, or of pauses, would grow without end; its record is the
study, so Ray need not remember anything.
"""

from __future__ import annotations

from typing import Any

__all__ = ["forget_ended"]

_KEPT = 100
"""How many ended trials Ray keeps at least: their workers may still be on their way to the next trial."""


def forget_ended(tune_controller: Any) -> None:
    """Remove ended trials from Ray's lists once there are many; to be called when a trial has ended.

    tune_controller: what Ray hands to a scheduler. Where Ray's lists are not as expected, nothing is removed.
    """
    controller: Any = getattr(getattr(tune_controller, "get_trials", None), "__self__", None)  # behind Ray's wrapper
    try:
        trials, stopped, failed = controller._trials, controller._stopped_trials, controller._failed_trials
        written, to_write = controller._trial_metadata, controller._trials_to_cache
        calls = controller._actor_manager._tracked_actors_to_task_futures
        unanswered = controller._actor_manager._actor_task_events.get_futures()
        queued = controller._actor_manager._pending_actors_to_enqueued_actor_tasks
        awaited = controller._actor_manager._pending_actors_to_attrs
    except AttributeError:  # another version of Ray
        return
    if len(stopped) + len(failed) < 2 * _KEPT:
        return
    ended = [trial for trial in trials if trial in stopped or trial in failed][:-_KEPT]
    gone = set(ended)
    trials[:] = [trial for trial in trials if trial not in gone]
    for group in (stopped, failed, to_write):
        group -= gone
    for trial in ended:
        written.pop(trial.trial_id, None)
    for of_worker in calls.values():
        of_worker &= unanswered
    for actor in [actor for actor in queued if actor not in awaited]:  # one that was used again came in its place
        del queued[actor]
    for callback in getattr(controller._callbacks, "_callbacks", ()):
        _forget_shown(callback, gone)


def _forget_shown(callback: Any, gone: set[Any]) -> None:
    """Remove trials from what Ray's callback for progress has shown."""
    for name in ("_last_result", "_last_result_str", "_completed_trials", "_last_print", "_last_print_iteration"):
        shown = getattr(callback, name, None)
        if isinstance(shown, set):
            shown -= gone
        elif isinstance(shown, dict):
            for trial in gone & shown.keys():
                del shown[trial]
