"""Checks between several keys of a plan file: what one value alone cannot show.

Rules: each check looks at what the file says (`raw`) or at what was read, and reports; none of them
stops the reading. `meant` are the keys that misspelt ones seem to stand for: one slip of the finger
is one problem, so these are not reported as missing too.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from agentdeck.core.containment import containment_of
from agentdeck.core.group_rules import contracted, faults_of_group
from agentdeck.core.hook_urls import fault_of_url
from agentdeck.core.hooks import MAX_HOOKS
from agentdeck.core.hosts import EXPECTED, host_fault
from agentdeck.core.ids import TaskId
from agentdeck.core.issues import is_repository
from agentdeck.core.plan import (
    IN_RUN,
    PERSON,
    TRACKER,
    Accept,
    Agent,
    Hook,
    Keep,
    Notify,
    Phase,
    Plan,
    Pool,
    QueueRules,
    Remote,
    Repair,
    Repo,
    Strategy,
    Task,
    Tracker,
    Webhook,
)
from agentdeck.core.quiet_hours import quiet_hours
from agentdeck.plans.fields import event_fault
from agentdeck.plans.findings import Findings
from agentdeck.plans.keys import Section
from agentdeck.plans.loops import Place, behind_barriers, loops
from agentdeck.plans.positions import Path
from agentdeck.plans.problems import listed, shown

SHELLS: Final = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh", "fish"})
OF_A_COMMAND: Final = frozenset({"resume", "take_over", "input"})
_ZONE: Final = re.compile(r"[A-Za-z][\w+-]{0,31}(/[A-Za-z][\w+-]{0,31}){0,3}", re.ASCII)
MAX_REPOS: Final = 32  # each has worktrees, locks and a queue of its own
# Of a run, in its folder: nothing that is kept takes their place.
RUN_FILES: Final = frozenset(
    {"journal.db", "journal.mark", "heartbeat.json", "engine.log", "engine.lock", "engine.out"}
    | {"control.sock", "plan.toml", "search.db", "search.lock", "checkpoint", "ballast"}
    | {"briefs.json", "attempts", "gates", "reviews", "worktrees", "scratch", "homes", "tracker"}
)
MAX_LOOP_SHOWN: Final = 12  # tasks of one loop in a message


def check_agent(
    raw: Mapping[str, Any],
    meant: set[str],
    path: Path,
    adapters: Sequence[str],
    findings: Findings,
) -> dict[str, Any]:
    """An agent is known or a command, never both. Returns the `use` that the file leaves out."""
    name = str(path[-1])
    use = raw.get("use")
    if "command" not in raw.keys() | meant:
        for key in sorted(OF_A_COMMAND & raw.keys()):
            hint = "its adapter says that; give the agent a `command` of its own, or take it out"
            findings.add((*path, key), "is only for an agent that has a `command`", hint)
    if "command" in raw:
        if isinstance(use, str) and use != "command":
            findings.add(
                (*path, "command"),
                f"stands beside use = {shown(use)}, which has a command of its own",
                f"keep one of them; with `command`, output = {shown(use)} reads its stream",
            )
        if _shell_reads_prompt(raw["command"]):
            findings.add(
                (*path, "command"),
                "would have a shell run the prompt's words as code",
                'pass it as an argument: ["sh", "-c", \'my-agent "$1"\', "sh", "{prompt}"]',
            )
        return {"use": "command"}
    if use is None and name in adapters:
        return {"use": name}
    if (use is None or use == "command") and not meant & {"use", "command"}:
        hint = f"add `command`, or use = one of {listed([shown(known) for known in adapters])}"
        findings.add(path, "has no command", hint)
    return {}


def _shell_reads_prompt(command: object) -> bool:
    """Is `{prompt}` inside the script of a `sh -c SCRIPT`? Prompts hold logs and agents' words."""
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError:
        return False  # reported as text that cannot be split
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return False  # reported as a wrong type
    if not words or words[0].rpartition("/")[2] not in SHELLS:
        return False
    options = [i for i, word in enumerate(words) if word.startswith("-") and word.endswith("c")]
    script = words[options[0] + 1 : options[0] + 2] if options else []
    return any("{prompt}" in word for word in script)


def check_remote(remote: Remote, findings: Findings) -> None:
    """A pull request is made of what was pushed."""
    if remote.pull_request and remote.push is None:
        message = "pull_request without push: there would be nothing to request"
        findings.add(("remote", "pull_request"), message, 'add `push = "origin"`')


def check_pattern(name: str, table: object, path: Path, findings: Findings) -> None:
    """The name of a hook says on which events it runs."""
    fault, hint = event_fault(name)
    if not fault:
        return
    if isinstance(table, dict) and (inner := next(iter(table), None)) is not None:
        whole = f"{name}.{inner}"  # which TOML takes for a table in a table
        if not event_fault(whole)[0]:
            hint = f"put the name in quotes: {shown(whole)} = [...]"
    findings.add(path, f"{shown(name)} is no event: {fault}", hint)


def check_hooks(
    hooks: Sequence[Hook],
    webhooks: Sequence[Webhook],
    notify: Sequence[Notify],
    findings: Findings,
) -> None:
    """Hooks have names of their own; a webhook goes where nobody on the way reads it."""
    if len(hooks) + len(webhooks) + len(notify) > MAX_HOOKS:
        place = ("notify",) if notify else ("webhooks",) if webhooks else ("hooks",)
        findings.add(place, f"there are more than {MAX_HOOKS} hooks", "let one tell the others")
    taken = {hook.name for hook in hooks}
    for section, named in (("webhooks", webhooks), ("notify", notify)):
        for each in named:
            if each.name in taken:
                findings.add((section, each.name), "a hook has this name", "choose another one")
        taken |= {each.name for each in named}
    for person in notify:
        _check_person(person, findings)
    for hook in webhooks:
        fault = fault_of_url(hook.url, insecure=hook.insecure)
        if fault is not None:
            hint = "https://, or `insecure = true` where that will do"
            plain = hook.url.startswith("http://")
            findings.add(("webhooks", hook.name, "url"), fault, hint if plain else "")
        if not hook.events:
            events = ("webhooks", hook.name, "events")
            findings.add(events, "the list is empty: nothing is sent", 'name some, or "*"')


def check_pools(pools: Sequence[Pool], findings: Findings) -> None:
    """A pool on other machines can be reached safely."""
    for pool in pools:
        if pool.host is None:
            continue
        fault = host_fault(pool.host, insecure=pool.insecure)
        if fault is not None:
            plain = pool.host.startswith("tcp://")
            hint = "tls://, or `insecure = true` where that will do" if plain else EXPECTED
            findings.add(("pools", pool.name, "host"), f"{shown(pool.host)}: {fault}", hint)
        if pool.elastic:
            found = "`min` and `max` follow this machine, and `host` is another"
            findings.add(("pools", pool.name, "host"), found, "say `size`: its workers bound it")


def check_hosted(plan: Plan, tasks: Sequence[tuple[Path, Task]], findings: Findings) -> None:
    """What an agent needs of this machine is not there where the pool of its task works."""
    told: set[tuple[str, str]] = set()
    for path, task in tasks:
        settings = plan.settings(task.id)
        pool = plan.pool_by_name.get(settings.pool) if settings.pool is not None else None
        agent = plan.agent_by_name.get(settings.agent)
        if pool is None or pool.host is None or agent is None or (pool.name, agent.name) in told:
            continue
        told.add((pool.name, agent.name))
        lacks = [key for key in ("mcp", "settings") if getattr(agent, key) is not None]
        if containment_of(plan, agent).contained:
            lacks.append("sandbox")
        if lacks:
            findings.add(
                (*path, "pool"),
                f"{shown(pool.name)} is on other machines, and agent {agent.name} has "
                f"{' and '.join(lacks)}, which works on this one alone",
                "send the task to a pool without `host`, or to another agent",
            )


def _check_person(person: Notify, findings: Findings) -> None:
    place = ("notify", person.name)
    if not person.events:
        findings.add((*place, "events"), "the list is empty: nothing is sent", 'name some, or "*"')
    if person.quiet and quiet_hours(person.quiet) is None:
        found = f"expected hours as 22:00-07:00, found {shown(person.quiet)}"
        findings.add((*place, "quiet"), found, "both from 00:00 to 23:59, and not the same")
    if person.zone and not person.quiet:
        findings.add((*place, "zone"), "a zone without quiet hours says nothing", "add `quiet`")
    elif person.zone and _ZONE.fullmatch(person.zone) is None:
        found = f"{shown(person.zone)} is no name of a time zone"
        findings.add((*place, "zone"), found, 'as "Europe/Berlin", or "UTC"')


def check_tracker(
    tracker: Tracker | None, named: Sequence[Webhook | Notify], findings: Findings
) -> None:
    """A tracker has a repository that can be one, and a name of its own among the hooks."""
    place: Path = (TRACKER,)
    if tracker is None:
        return
    for hook in named:
        if hook.name == TRACKER:
            section = "webhooks" if isinstance(hook, Webhook) else "notify"
            findings.add((section, TRACKER), "the tracker has this name", "choose another one")
    if tracker.repo is not None and not is_repository(tracker.repo, tracker.kind):
        findings.add(
            (*place, "repo"), f"{shown(tracker.repo)} is no repository", 'write it "OWNER/NAME"'
        )
    for key in ("claim", "failed", "label"):
        label = getattr(tracker, key)
        if label is not None and "," in label:
            findings.add((*place, key), "a label has no comma", "name one label")
    if tracker.claim is not None and tracker.claim == tracker.failed:
        findings.add((*place, "failed"), "is the label of `claim`", "choose another one")
    if tracker.accept and tracker.secret_env is None:
        hint = "add secret_env, and set that variable"
        findings.add((*place, "accept"), "nothing that comes in could be proven", hint)
    if tracker.accept and tracker.repo is None:
        hint = "add repo: what is about another one is refused"
        findings.add((*place, "accept"), "it is not said from which repository", hint)
    if Accept.TASK in tracker.accept and tracker.label is None:
        hint = "add label: issues that have it may become tasks"
        findings.add((*place, "accept"), '"task" without a label', hint)


def check_keep(keep: Keep | None, findings: Findings) -> None:
    """What is kept stands below the checkout or in the run's folder, each at a place of its own."""
    if keep is None:
        return
    seen: dict[str, str] = {}
    for key in ("progress", "tasks_json", "csv"):
        path = getattr(keep, key)
        if path is None:
            continue
        place = ("keep", key)
        inside = path.removeprefix(IN_RUN)
        parts = inside.split("/")
        if "\\" in path or {"", ".", "..", ".git"} & set(parts) or inside.startswith("~"):
            hint = f"as PROGRESS.md, or {IN_RUN}PROGRESS.md for the run's own folder"
            findings.add(place, f"{shown(path)} is no path below the checkout", hint)
        elif path.startswith(IN_RUN) and (len(parts) > 1 or inside in RUN_FILES):
            hint = f"a name as {IN_RUN}PROGRESS.md"
            findings.add(place, f"{shown(path)} has no place in the run's folder", hint)
        if path in seen:
            findings.add(place, f"is the file of `{seen[path]}`, too", "give it another name")
        seen[path] = key


def check_fallbacks(agents: Sequence[Agent], findings: Findings) -> None:
    """A fallback is another agent, and one that can be started."""
    people = {agent.name for agent in agents if agent.use == "human"} | {"human"}
    for agent in agents:
        for other in agent.fallback:
            place = findings.element(("agents", agent.name, "fallback"), other)
            if other == agent.name:
                findings.add(place, f"{shown(other)} cannot take over from itself", "drop it")
            elif other in people:
                hint = "drop it: what nobody can do by itself waits for a person anyway"
                findings.add(place, f"{shown(other)} is a person", hint)


def check_reviewers(plan: Plan, tasks: Sequence[tuple[Path, Task]], findings: Findings) -> None:
    """A reviewer works without a person, and never looks at its own work."""
    told: set[str] = set()
    for path, task in tasks:
        settings = plan.settings(task.id)
        if settings.reviewer is None:
            continue
        by = settings.reviewer
        place = (*path, "review") if task.review else ("review", "by")
        config = plan.agent_by_name.get(by)
        doer = plan.agent_by_name.get(settings.agent)
        if by == settings.agent or (doer is not None and by in doer.fallback):
            hint = "let another agent review it, or a person; or give the task another agent"
            how = "does" if by == settings.agent else "may have to do"
            findings.add(place, f"{shown(by)} {how} task {shown(task.id)} itself", hint)
        elif config is not None and config.use == "human" and by not in told:
            told.add(by)
            findings.add(place, f"{shown(by)} is a person", f'write by = "{PERSON}"')


def check_resolver(queue: QueueRules, agents: Sequence[Agent], findings: Findings) -> None:
    """A resolver is an agent that can be started, in a plan that lets one repair."""
    name, place = queue.resolver, ("queue", "resolver")
    if name is None:
        return
    people = {agent.name for agent in agents if agent.use == "human"} | {"human"}
    if name in people:
        findings.add(place, f"{shown(name)} is a person", 'repair = "ask" asks one')
    elif queue.repair is not Repair.AGENT:
        findings.add(
            place, f"stands beside repair = {shown(queue.repair.value)}", "keep one of them"
        )


def check_repos(repos: Sequence[Repo], findings: Findings) -> None:
    """No two repositories have one name, not even in another case: names become folders."""
    if len(repos) > MAX_REPOS:
        findings.add(("repos",), f"there are more than {MAX_REPOS} repositories", "split the plan")
    seen: dict[str, str] = {}
    for repo in repos:
        other = seen.setdefault(repo.name.casefold(), repo.name)
        if other != repo.name:
            message = f"{shown(repo.name)} differs from {shown(other)} only in case"
            findings.add(("repos", repo.name), message, "give one of them another name")


def check_gates_of_tasks(
    plan: Plan, tasks: Sequence[tuple[Path, Task]], findings: Findings
) -> None:
    """A task names no gate that is for other repositories."""
    for path, task in tasks:
        for name in task.gates or ():
            gate = plan.gate_by_name[name]
            if not gate.judges(plan.repo_of(task.id)):
                where = (
                    f"repository {shown(task.repo)}" if task.repo else "the plan's own repository"
                )
                findings.add(
                    findings.element((*path, "gates"), name),
                    f"gate {shown(name)} is not for work in {where}",
                    "name another gate, or take `repo` out of this one",
                )


def check_groups(plan: Plan, tasks: Sequence[tuple[Path, Task]], findings: Findings) -> None:
    """Tasks that land together can all be done before any of them has landed."""
    paths = {task.id: path for path, task in tasks}
    for path, task in tasks:
        if task.id in task.land_with:
            message = "the task would land together with itself"
            findings.add((*path, "land_with"), message, "remove it from `land_with`")
    groups = list(dict.fromkeys(plan.group_of.values()))
    whole = True
    for group in groups:
        place = (*paths[group[0]], "land_with")
        for message, hint in faults_of_group(plan, group):
            findings.add(place, message, hint)
            whole = False
    if not groups or not whole:
        return
    for loop in loops(contracted(plan)):
        each = [" + ".join(plan.group_of.get(TaskId(name), (name,))) for name in [*loop, loop[0]]]
        findings.add(
            (*paths[TaskId(loop[0])], "land_with"),
            f"groups that land together wait for each other: {' -> '.join(each)}",
            "drop an entry of `after`, or make the groups one",
        )
        return
    check_barriers(_with_needs_of_group(plan, tasks), plan.phases, plan.strategy, findings)


def _with_needs_of_group(plan: Plan, tasks: Sequence[tuple[Path, Task]]) -> list[tuple[Path, Task]]:
    """The tasks, each waiting for what any of its group waits for."""
    paths = {task.id: path for path, task in tasks}
    found = []
    for path, task in tasks:
        group = [plan.by_id[name] for name in plan.group_of.get(task.id, (task.id,))]
        after = dict.fromkeys(other for one in group for other in one.after)
        # The fault is told where one of them says what it waits for.
        place = next((paths[one.id] for one in group if one.after), path)
        found.append((place, msgspec.structs.replace(task, after=tuple(after))))
    return found


def check_gate(raw: Mapping[str, Any], meant: set[str], path: Path, findings: Findings) -> None:
    """A gate has a command, or at least says what it would prove."""
    if not {"run", "check"} & (raw.keys() | meant):
        findings.add(path, "has no command", "add `run`, or `check` with what it should prove")


def check_pool(
    raw: Mapping[str, Any],
    meant: set[str],
    path: Path,
    values: Mapping[str, Any],
    findings: Findings,
) -> dict[str, Any]:
    """The size of a pool lies between its bounds. Returns what the file leaves out."""
    if not {"size", "max"} & (raw.keys() | meant):
        findings.add(path, "`size` is missing", "add `size`, or `min` and `max`")
        return {}
    least, size, most = (values.get(field) for field in ("least", "size", "most"))
    found: dict[str, Any] = {}
    if size is None and most is not None:  # it begins with all that it may have
        size = most
        found = {"size": most} if least is not None else {"size": most, "least": 1}
    if size is not None and least is not None and least > size:
        what = "size" if "size" in raw else "max"
        findings.add((*path, "min"), f"{least} is more than `{what}`, {size}", "make it smaller")
    if size is not None and most is not None and most < size:
        findings.add((*path, "max"), f"{most} is less than `size`, {size}", "make it larger")
    return found


def check_route(raw: Mapping[str, Any], meant: set[str], path: Path, findings: Findings) -> None:
    """A route says something."""
    if not {"agent", "model", "pool"} & (raw.keys() | meant):
        findings.add(path, "sets nothing", "add agent, model or pool")


def check_task(raw: Mapping[str, Any], meant: set[str], path: Path, findings: Findings) -> None:
    """A task says what to do, once, and who does it, once."""
    if "prompt" in raw and "prompt_file" in raw:
        findings.add((*path, "prompt_file"), "stands beside prompt", "keep one of them")
    if _is_blank(raw.get("title")) and _is_blank(raw.get("prompt")):
        elsewhere = {"title", "prompt", "prompt_file"} & meant or "prompt_file" in raw
        if not elsewhere:
            findings.add(
                path, "has neither a title nor a prompt", "say what is to be done: add `prompt`"
            )
    if raw.get("human") is True and raw.get("agent", "human") != "human":
        message = f"is {shown(raw['agent'])}, but human = true"
        findings.add((*path, "agent"), message, "drop one of them")


def _is_blank(text: object) -> bool:
    """Is it no text, or one that says nothing? What is something else has been reported."""
    return text is None or (isinstance(text, str) and not text.strip())


def check_ids(placed: Sequence[tuple[Path, str]], section: Section, findings: Findings) -> None:
    """No id is used twice, not even in another case: ids become files and refs."""
    first: dict[str, tuple[Path, str]] = {}
    for path, name in placed:
        before = first.setdefault(name.casefold(), (path, name))
        if before[0] == path:
            continue
        lines = f"lines {findings.line((*before[0], 'id'))} and {findings.line((*path, 'id'))}"
        message = f"duplicate {section.name} id {shown(name)}: {lines}"
        if before[1] != name:
            message += f" ({shown(before[1])} differs only in case)"
        findings.add((*path, "id"), message, "give one of them another id")


def check_dependencies(tasks: Sequence[tuple[Path, Task]], findings: Findings) -> None:
    """No task waits for itself, neither directly nor through others."""
    needs: dict[str, tuple[str, ...]] = {}
    paths: dict[str, Path] = {}
    for path, task in tasks:
        needs.setdefault(task.id, task.after)
        paths.setdefault(task.id, path)
        if task.id in task.after:
            findings.add((*path, "after"), "the task waits for itself", "remove it from `after`")
    for loop in loops(needs):
        names = [shown(name)[1:-1] for name in [*loop, loop[0]]]
        if len(names) > MAX_LOOP_SHOWN:
            left = len(names) - MAX_LOOP_SHOWN
            names[MAX_LOOP_SHOWN - 1 : -1] = [f"({left} more)"]
        findings.add(
            (*paths[loop[0]], "after"),
            f"dependency loop: {' -> '.join(names)}",
            f"each waits for the next: drop one of these {len(loop)} entries of `after`",
        )


def check_deferred(tasks: Sequence[tuple[Path, Task]], findings: Findings) -> None:
    """No task waits for one that is not part of the run."""
    deferred = {task.id for _, task in tasks if task.defer}
    if not deferred:
        return
    for path, task in tasks:
        for other in task.after:
            if task.defer or other not in deferred:
                continue
            findings.add(
                findings.element((*path, "after"), other),
                f"{shown(other)} is deferred, so task {shown(task.id)} would wait for ever",
                f"defer {shown(task.id)} too, or drop {shown(other)} from its `after`",
            )


def check_barriers(
    tasks: Sequence[tuple[Path, Task]],
    phases: Sequence[Phase],
    strategy: Strategy,
    findings: Findings,
) -> None:
    """No task of a barrier phase waits for a task that waits for this barrier."""
    waves = strategy is Strategy.WAVES
    if not waves and not any(phase.sync for phase in phases):
        return
    index = {phase.id: at for at, phase in reversed(list(enumerate(phases)))}
    places: dict[str, Place] = {}
    paths: dict[str, Path] = {}
    for path, task in tasks:
        at = None if task.phase is None else index.get(task.phase)
        # A deferred task holds no barrier up, and whoever waits for it has been told.
        if not task.defer and task.id not in places:
            barrier = at is not None and (waves or phases[at].sync)
            places[task.id] = Place(task.after, at, barrier)
            paths[task.id] = path
    for chain in behind_barriers(places):
        own, later = (places[name].phase for name in (chain[0], chain[-1]))
        if own is None or later is None:
            raise AssertionError(f"a chain from {chain[0]} without phases")
        findings.add(
            findings.element((*paths[chain[0]], "after"), chain[1]),
            _barrier_loop(chain, phases[own], phases[later]),
            _way_out(chain, phases[own], phases[later], waves=waves),
        )


def _barrier_loop(chain: Sequence[str], own: Phase, later: Phase) -> str:
    """Who waits for whom, in one sentence."""
    task, *through, last = [shown(name) for name in chain]
    by = f" (through {listed([name[1:-1] for name in through])})" if through else ""
    return (
        f"task {task} waits{by} for {last} of the later phase {shown(later.id)}, which waits"
        f" until phase {shown(own.id)} is closed, and so for {task}: neither can ever start"
    )


def _way_out(chain: Sequence[str], own: Phase, later: Phase, *, waves: bool) -> str:
    barrier = ['strategy = "waves"'] if waves else []
    barrier += [f"`sync` of phase {shown(own.id)}"] if own.sync else []
    return (
        f"move {shown(chain[0])} to phase {shown(later.id)}, or {shown(chain[-1])} to phase"
        f" {shown(own.id)}, or drop {' and '.join(barrier)}"
    )


def check_version(
    document: Mapping[str, Any], key: str, wanted: int, findings: Findings, *, what: str = "plan"
) -> bool:
    """The file says its format. Returns whether it is worth reading on."""
    if key not in document:
        findings.add(
            (), f"`{key} = {wanted}` is missing", f"make it the first line: {key} = {wanted}"
        )
        return True
    found = document[key]
    if type(found) is int and found != wanted:
        message = f"{what} format {shown(found)} is not known; this agentdeck reads format {wanted}"
        findings.add((key,), message, f"{key} = {wanted}, or another version of agentdeck")
        return False
    if type(found) is not int:
        findings.add((key,), f"expected {wanted}, found {shown(found)}")
    return True
