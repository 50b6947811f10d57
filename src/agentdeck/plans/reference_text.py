"""The hand-written parts of `docs/plan.md`: introduction, examples, notes, the grammar of values.

Rules: key names, kinds, bounds and defaults stand in `keys` and `core.plan`, and are not repeated
here. The examples, one after the other, are one plan that the reader accepts.
"""

from __future__ import annotations

from typing import Final

INTRODUCTION: Final = """\
# The plan file

Made by `python -m agentdeck.plans.reference > docs/plan.md` from the table that the reader itself
follows. Do not edit it by hand.

A plan is one TOML file: what should be done (`[[task]]`), in which order (`after`, `[[phase]]`),
by whom (`[agents.NAME]`, `[[route]]`, `[pools.NAME]`), and what proves it (`[gates.NAME]`). The
smallest one:

```toml
version = 1

[[task]]
id = "readme"
prompt = "Write a short README.md."
```

- `version = 1` is the format, and is required.
- `agentdeck check plan.toml` reports every problem at once, each with its line and a hint. A key
  that is not known is an error.
- `agentdeck init` writes a plan to start from.
- [plan.schema.json](plan.schema.json) is the JSON schema for editors. With a TOML language server
  such as Taplo, make `#:schema <path or URL of plan.schema.json>` the first line of the plan.

What holds for a task is decided in this order: the task itself, the first `[[route]]` that matches
and says something about it, `[defaults]`, the built-in default. (A `model` of `[agents.NAME]`
stands between routes and defaults.)
"""

EXAMPLES: Final[dict[str, str]] = {
    "plan": """\
[plan]
name = "Shop: sessions"
base = "main"
target = "deck/sessions"
land = "approve"
agents = 4                      # at once
""",
    "defaults": """\
[defaults]
agent = "claude"
model = "sonnet"
retries = 1
timeout = "1h30m"
""",
    "budget": """\
[budget]
usd = 20
tokens = "5M"
on_exceed = "ask"
warn = [0.5, 0.9]
""",
    "gates": """\
[gates.unit]
run = "make test"
when = ["task", "merge"]
timeout = "10min"

[gates.described]
check = "The change is described in docs/"
when = "task"

[gates.smoke]
run = ["python", "tools/smoke.py"]
when = "phase"
retries = 1
""",
    "agents": """\
[agents.careful]
use = "claude"
model = "opus"
args = ["--append-system-prompt", "Be careful."]

[agents.my-script]
command = "python tools/agent.py --task {task} --prompt {prompt_file}"
env = { STYLE = "plain" }

[agents.apart]
use = "codex"
home = "own"                    # no state of yours; log in by a variable
[agents.claude]
escalate = ["haiku", "sonnet", "opus"]
fallback = ["my-script"]
""",
    "pools": """\
[pools.browser]
size = 1                        # one at a time, whatever [plan] agents says
labels = ["ui"]
skills = ["playwright"]

[pools.big]
size = 8
host = "cluster"                # on the machines that have joined this one's cluster

[pools.build]
min = 1                         # as many as the machine has room for
max = 8
labels = ["build"]
""",
    "route": """\
[[route]]
match = { id = "DOC-*" }
model = "haiku"

[[route]]
match = { max_tokens = "10K" }  # small work
model = "haiku"

[[route]]
match = { phase = "launch", label = "ui" }
agent = "careful"
""",
    "worktree": """\
[worktree]
copy = [".env", "config/*.local.json"]
link = ["data/fixtures"]
cache = ["node_modules"]
setup = "npm run prepare"
""",
    "queue": """\
[queue]
batch = 8
slots = 2
repair = "agent"
repairs = 3
resolver = "careful"
""",
    "repos": """\
[repos.client]
path = "../shop-client"
base = "main"
""",
    "remote": """\
[remote]
push = "origin"
pull_request = true
""",
    "review": """\
[review]
by = "codex"
rounds = 2
prompt = "Look at error handling first."
""",
    "tools": """\
[tools]
ask_person = "allow"
report_progress = "allow"
propose_task = "ask"
request_files = "free"
""",
    "mcp": """\
[mcp]
commands = ["pause", "resume", "steer"]
""",
    "permission": """\
[[permission]]
decision = "allow"
tool = "Edit"
target = "src/*"

[[permission]]
decision = "deny"
target = "*git push*"
""",
    "hooks": """\
[hooks]
"gate.failed" = ["notify-send", "a gate failed"]
"task.*" = { run = ["./tell.py", "--task"], timeout = "10s", retries = 2 }
""",
    "webhooks": """\
[webhooks.ci]
url = "https://example.org/agentdeck"
secret_env = "CI_HOOK_SECRET"
events = ["task.landed", "task.failed", "run.finished"]
""",
    "notify": """\
[notify.me]
urls_env = "MY_NOTIFY_URLS"
events = ["task.asks", "task.failed", "run.finished"]
group = "2min"
quiet = "22:00-07:00"
""",
    "tracker": """\
[tracker]
kind = "github"
repo = "acme/shop"
claim = "in-progress"
comment = ["task.landed", "task.failed"]
close = "promoted"
""",
    "keep": """\
[keep]
progress = "PROGRESS.md"
csv = "{run}/attempts.csv"
archive = true
""",
    "phase": """\
[[phase]]
id = "build"
title = "Build it"
sync = true
gates = ["smoke"]

[[phase]]
id = "launch"
""",
    "task": """\
[[task]]
id = "STORE-1"
title = "Store sessions in SQLite"
prompt = "Replace the in-memory session store by SQLite. Keep the interface."
phase = "build"
files = ["src/session/", "tests/session/**/*.py"]
estimate = "45min"

[[task]]
id = "CLIENT-1"
title = "Read sessions by the new interface"
repo = "client"
land_with = "STORE-1"
phase = "build"

[[task]]
id = "DOC-1"
title = "Describe the new store"
after = "STORE-1"
phase = "launch"
land = "auto"

[[task]]
id = "SIGN-OFF"
title = "Try it in the staging shop"
after = ["STORE-1", "DOC-1"]
phase = "launch"
human = true
""",
    "note": """\
[[note]]
kind = "risk"
text = "Sessions of the old store are lost"
answer = "Both stores are written for a week"
""",
    "claim": """\
[[claim]]
what = "critical_path"
stated = "about 2 hours"
low = 7200                      # seconds
high = 7200
approx = true
""",
}

NOTES: Final[dict[str, str]] = {
    "plan": """\
`land`, for a single task also in `[[task]]`:

- `"auto"`: nobody has to say yes. Work that is proven and green is merged.
- `"approve"`: proven work waits until a person approves it.
- `"review"`: the same, and the task stands as *reviewing* until somebody has looked at the diff:
  a person, or the agent that `[review]` names.

`strategy`:

- `"eager"`: a task may start as soon as what it needs has landed. Only phases with `sync` hold
  back later ones.
- `"waves"`: every phase is a sync point.

`promote`: work lands on `target`, never on `base` itself. `"ask"`: a person says when the target
is brought into the base. `"auto"`: that happens when every task has settled and the final gates
are green. It is always a fast-forward, guarded against everything that could be in its way.

`source`: the document that the plan came from, relative to the plan file. While a run goes on, its
checkboxes, `status`, `passes`, `state` or status cells say what is done, and, where the format has
words for it, what is under way and what is blocked. Nothing else in it changes, and what it calls
done is never taken back. Otherwise agentdeck leaves the files of your checkout alone; this one is
the exception, and only when the plan names it, or `agentdeck run DOCUMENT --write-back` does. It
has to be in the repository's checkout.
""",
    "budget": """\
Beside the one of the run, each phase, pool and task may have a budget of its own, with the same
keys: `budget = { usd = 5 }` in `[[phase]]`, `[pools.NAME]` or `[[task]]`. That of a pool counts
what is used by attempts that work in it, that of a phase or task all attempts at its tasks. All
budgets that an attempt is under hold at once. Without a budget there is no limit.

When `usd` or `tokens` of it are used up, nothing starts under it any more, and

- `"ask"`: the agents at work under it are frozen where they are, with everything they have started;
  the run says that it needs a person, and when the budget is raised (`$` in the deck, `agentdeck
  budget raise`) they go on. What an agent has begun is not lost, and it uses nothing meanwhile;
  its answer of the moment is the most that it uses beyond the limit.
- `"drain"`: what works goes on to its end, whatever it takes.
- `"stop"`: what works is stopped.

Before an agent starts, what it is expected to use is reserved: the task's `tokens` at the price of
its model, else what the ended attempts of this run have used on average, else nothing. It starts
only if that fits into what is left of every budget it is under. Where nobody is at work under a
budget, a task starts as long as anything is left, even if it is expected to need more.

Tokens are those that agents read afresh and write; what comes from a cache is not counted. Dollars
are those that the agent's stream names; where it names none, or has not yet, they are reckoned by
the price table that the run began with (`agentdeck run --prices FILE` reads another one than the
shipped). Of a model that has no price only tokens count, and that is said.

`share` is for subscriptions, which name no price: with `share = 0.8` nothing starts on an account
that says that 80% of its allowance are used, until the allowance resets or a person reopens the
account (`agentdeck accounts resume`). Only some agents state it.

At each share in `warn`, and when it is used up, the deck and the output of a headless run say so,
once.
""",
    "gates": """\
`when`, one or several:

- `"preflight"`: once, on the base commit, before anything starts. Red: nothing starts.
- `"task"`: in the attempt's worktree, on the commit the agent left. Red: the agent tries again,
  and is given the gate's log.
- `"merge"`: on the exact commit that would land, in a scratch worktree. Red: it does not land.
- `"phase"`: on the target, when every task of a phase has settled.
- `"final"`: on the target, when every task has settled.

A gate with only a `check` proves nothing: the sentence is given to agents and shown to people, and
nothing waits for it. Give it a `run` as soon as there is a command for it.

The same tree is not gated twice by the same gate. With `retries`, a gate that is red runs again on
the same tree; the work is not blamed for a gate that is green the second time. One that was killed
(by signal 9, or exit 137, as happens for want of memory) has judged nothing and runs again, three
times at most.
""",
    "agents": """\
`claude`, `codex`, `gemini` and all else that `agentdeck agents` lists are there without a table; a
table of the same name changes them. A table says either `use` or `command`. In `command` and
`args`, these are replaced, each within one argument, and no shell ever sees them: `{prompt}`,
`{prompt_file}`, `{model}`, `{task}`, `{worktree}`, `{folder}` (the attempt's own, outside of the
worktree) and the others that [agents](agents.md) names.

- `permissions = "ask"` makes an agent ask a person before it acts, where its adapter has a way;
  `args` with an option of the agent's own for it win over both. `i` in the control room answers, or
  `agentdeck answer`.
- `home` is where an agent keeps its sessions, settings and logins. They are a person's own
  (`"shared"`), because a login cannot be had twice. `"own"` gives the agent an empty folder below
  the run's: nothing of yours is read or changed, and somebody has to log in by a variable such as
  `OPENAI_API_KEY`. A path is a folder that outlives runs. Not every agent can.
- `mcp` and `settings` name files, below the repository unless they are absolute. What is in them is
  between you and the agent.
- `resume`, `take_over` and `input` make a `command` as able as an adapter; see [agents](agents.md).

`skills` are words of your own, compared without regard to upper and lower case. As soon as one
agent of the plan has any, a task with `skills` goes only to an agent that has all of them: the one
it names, the first route's that can, the defaults' own, or the first of the file. Where skills
alone choose it, the next one who has them begins while the pool of that one is full. Where nobody
can, the task waits and says so; `agentdeck check` tells it before, `agentdeck skills` shows who has
what.
Fallbacks that lack a skill do not take over. An agent without `skills` here has those of its
[adapter](agents.md). In a plan in which no agent has any, they are words for people.

`escalate` is a ladder of models. A task begins with the first one, or with its own model when that
is on the ladder; each failure that uses up a retry and that an abler model may avoid moves it one
up. A model that is not on the ladder stays. `fallback` names the agents that take a task over when
this one refuses it, is not logged in, or is out of quota. They work with their own
models. [failures.md](failures.md) says which failure does what.

Agents of one provider meet its limits together: a limit that one of them meets holds back what
would start on any of them. `account` says that an agent has limits of its own there, or, for a
`command`, that there are limits at all. `agentdeck accounts` shows how they stand.

`sandbox` keeps what it writes in its place, `network = false` keeps it off the network as well:

- `"none"`: only a guard of git's refs, which stops mistakes and not malice.
- `"bwrap"`: [bubblewrap](https://github.com/containers/bubblewrap), which has to be installed. The
  whole machine can be read, save the folders of runs; nothing outside can be signalled, and without
  a network there is none at all.
- `"landlock"`: a part of Linux from 6.2 on, and no other program. Without a network (6.7) there is
  no TCP; UDP and sockets in the file system stay.

Writable are the worktree, its own part of the repository, a temporary folder (`TMPDIR`), the
agent's state folder, and what `writable` adds: absolute, `~/…`, or below the checkout. In a sandbox
HEAD is off the branch: it commits as ever, makes no branches, and agentdeck brings its commits to
the branch. A plan that asks for a sandbox that a machine cannot give is refused there before
anything starts; `agentdeck doctor` says which ones it can. Containers are not among them. What is
defended and what is not: [threat model](threat-model.md).
""",
    "pools": """\
A task belongs to the pool that it, or a route, names; else to the first pool that has one of its
labels, one of the skills it asks for, or its agent. It takes a place of the pool and one of
`[plan] agents`. A task of no pool takes only the latter, and a task that a person does takes
neither.

With `host` the agents of a pool work on other machines: `"cluster"` on those that have joined the
cluster of this one, `"tls://HOST:PORT"` on those of a scheduler that is named, `"ssh://USER@HOST"`
on one that has nothing but Python and git. Gates, queue and landings stay here. Nothing else of the
plan changes; see [cluster](cluster.md).

With `min` or `max` its size follows the machine: it begins with `size` (`max` where that is left
out), loses a place every 30 s while memory is used above 90 % or the load is above 2 for each core,
and wins one every 60 s while memory is below 75 %, the load below 1 and all its places are taken.
What works goes on; only starts wait. `min` or `max` alone moves it between that and `size`.
`agentdeck limit --pool NAME N` sets the most for a run. Forecasts, `simulate` and `analyze` reckon
with `max`. See [pools and skills](pools.md).
""",
    "route": """\
Routes are looked at in the order of the file, for each of `agent`, `model` and `pool` by itself.
All that `match` states must hold; an empty one, `{}`, matches every task. These globs know `*`, `?`
and `[...]`, and mind the case. A task without `tokens` is of no size: it matches neither
`min_tokens` nor `max_tokens`.
""",
    "queue": """\
Entries of the merge queue that merge with each other are gated as one commit and land together. A
red batch is halved until the one that is to blame is alone; it leaves the queue, and the others go
on. How many go into a batch adapts: one more after each landing, half as many after a red batch,
never more than `batch`. With `batch = 1` each entry is gated and lands by itself.

With more than one of `slots` the next batch is built on top of one that is still being gated, and
gated meanwhile in a worktree of its own. It lands only after that one has. Use as many as can run
at once on this machine: for gates that use all its cores that is one.

`style`. The tree that was gated is the same in each of them, and so is what every first-parent
commit of the target stands for: something that passed its gates as it is.

- `"merge"`: a merge commit for each task, with the commits of the work as they are.
- `"squash"`: one commit for each task, without the commits of the work. Other authors of them are
  named as co-authors.
- `"rebase"`: the commits of the work, made anew on top of the target with their authors, below a
  merge commit. Work that cannot be replayed commit by commit to the same tree is squashed.

A batch of more than one is a merge commit on top of that in each style; `batch = 1` together with
`"squash"` makes a history without any merge commit.

`sign`: commits that land are signed where your git says so (`commit.gpgSign`), with your key
(`user.signingKey`, `gpg.format`). Nobody is there to type a passphrase: use an agent that holds the
key, or `sign = false`.

What does not merge with what has landed, or is red on it, leaves the queue. `repair` says what
then:

- `agent`: it goes back to its agent, in the same worktree and conversation, with the commit to take
  in and both sides of each conflict, or with the end of the gate's log. `resolver` names another
  agent that repairs conflicts. That costs none of the task's `retries`; after `repairs` times a
  person is asked.
- `ask`: a person is asked at once.
- `drop`: the task is cancelled. What was made stays on its branch.

Work that has taken in the target is compared with it: if lines that others have landed would
vanish, and are neither moved nor gone on with in a longer line, it waits for your yes, whatever
`land` says.
""",
    "repos": """\
The plan's own repository is the one in which it is started; it needs no table. Each other one has a
target, worktrees and a merge queue of its own. What a task's `files`, `[worktree]` and gates say is
below the top of the task's repository. `[remote]` is about the plan's own alone. More:
[Several repositories](repos.md).
""",
    "remote": """\
`push` names a remote of the repository (`git remote`). The target is pushed there under its own
name, never with force. Git of the engine asks for no password: use a key or a credential helper.
While the remote cannot be reached work goes on; the push is tried again, and a run that is complete
ends without it after the third try.

`pull_request` needs `push`, and the GitHub CLI (`gh`), logged in. The request goes from the target
to the base and lists what landed. One that is open for the target already is taken as it is.
""",
    "review": """\
It takes effect on tasks with `land = "review"`; a task that names its reviewer in `review` has that
too. The doer is never the reviewer: an agent that may do a task, also as a fallback, cannot be the
one who reviews it. How an agent reviews, and what it has to answer: [Reviews](review.md).
""",
    "worktree": """\
Each attempt works in a git worktree of its own, which holds what is committed. `copy`, `link` and
`cache` bring in what is not, from your checkout. Nothing of it gets into a commit. `root` may begin
with `~`; each run has a folder of its own in it.

- `copy` copies untracked files; so does a `.worktreeinclude` at the top of the checkout, a list in
  the manner of `.gitignore` that other tools read too.
- `link` makes symbolic links: all worktrees, and your checkout, share one thing. Right for what
  nobody writes to.
- `cache` clones folders such as `node_modules`, so that each worktree may change its own. Where the
  file system can share blocks (btrfs, XFS, ZFS) that takes a moment, elsewhere it is a plain copy
  and takes as long and as much space as one. An absolute path comes to the top of the worktree
  under its last name. A Python environment remembers where it was made: its programs still run the
  original; let `setup` make a new one.
- What runs in a worktree (agents, gates, `setup`) finds `PORT_BASE` and `PORT_COUNT`, a block of
  ports that no other worktree of your runs has while this one exists, and `COMPOSE_PROJECT_NAME`,
  which keeps its containers apart. Nobody is forced to use them: say in the prompt, or in your
  scripts, which port is which. What an agent leaves to a daemon (a container) outlives it; `setup`
  of the next one is the place to end it. `env` of a task or agent may say otherwise.
""",
    "defaults": """\
`unattended`, for what an agent asks and nobody answers within `answer_within`:

- `"wait"`: it waits.
- `"deny"`: a permission is denied, a question is left to the agent; it is told that nobody was
  there.
- `"stop"`: the task is stopped. Its work is kept.
""",
    "permission": """\
What an agent asks to do, where it asks before it acts, is answered by one of these that fits, and
otherwise by a person, who may leave rules of the same kind behind. `tool` is what the agent calls
it (`Bash`, `Edit`, `execute`), `target` a command or a path below the worktree; `*` crosses `/`.
They mind the case.

- A deny beats every allow, also one that a person gives in the deck for a single task.
- A wildcard in an allow does not stretch over `;`, `&`, `|`, `<`, `>`, `$(`, backticks and line
  breaks: `pytest *` does not allow `pytest; rm -rf /`. Only the bare `*` allows anything.
- Where an agent does not hand over what its tool is given in full (agents over ACP do not), a
  wildcard allows only targets of a single word.
""",
    "hooks": """\
A list of arguments may stand in place of the table; no shell reads it. Names with a dot are put in
quotes. A command works in your checkout, with your rights and in no sandbox, as a gate does. Nobody
waits for it. What it is told, how it is ended, and how events are called: [Hooks](hooks.md).
""",
    "webhooks": """\
`secret_env` names a variable in the environment of the engine; the secret itself stands neither in
the plan nor in the journal. Each event comes at least once and in order, under an id that tells
whether it came before: [Webhooks](hooks.md#webhooks) has the message, and how its signature is
checked. `url` is https; plain http goes to this machine, elsewhere only with `insecure = true`.
""",
    "notify": """\
`urls_env` names a variable in the environment of the engine with the addresses of
[apprise](https://github.com/caronc/apprise), as `ntfys://ntfy.sh/my-topic` or
`mailto://user:password@example.org`, several with spaces between; it takes
`pip install "agentdeck[notify]"`. What happens within `group` comes as one message, what happens in
`quiet` hours in the first one after them: [Persons](hooks.md#persons).
""",
    "tracker": """\
The issue of a task is its `issue`; tasks without one are nobody's business here. It is written with
`gh` or `glab`, as who is logged in there; nothing is read from there into the run. [Issues and
trackers](trackers.md) has what is written when, and what `accept` lets in.
""",
    "keep": """\
Paths below the checkout, where git sees them as any file of yours; `{run}/NAME` is in the run's own
folder instead. A file that is there and was not written by agentdeck stays.
[Files that are kept current](documents.md#files-that-are-kept-current) has more.
""",
    "phase": """\
The order of the phases is their order in the file. A phase with `sync` is a barrier: no task of any
later phase starts before every task of it has settled and its gates are green on the target. With
`strategy = "waves"`, all of them are barriers. A task without a phase is held back by none.

So a task of a barrier phase must not need a task of a later phase, not even through others:
neither could ever start, and the reader refuses it.
""",
    "task": """\
- A task says what is to be done: `prompt`, `prompt_file` (relative to the plan file), or at least a
  `title`.
- What it needs (`after`) must have landed before it starts. Loops are refused, and so is a task
  that needs a deferred one.
- Among the tasks that may start, the higher `priority` goes first, then the longest path to the
  end of the plan by `estimate`, then the order of the file.
- `line` and `meta` are written by `agentdeck import`, as are `document` in `[plan]`, `[[note]]` and
  `[[claim]]`: where a task comes from, and what its document says beyond the keys of this format.
""",
    "claim": """\
`phase`, `match`, `model`, `tasks` and `active` narrow down what is counted, all of them together.
`agentdeck analyze` sets each claim beside what the plan itself gives.
""",
}

VALUES: Final = """\
## How values are written

### Ids

{id_rule}.
No `..`, and no `.` or `.lock` at the end: ids become parts of branches and files.
Two ids of the same kind must not differ in case alone.

### Durations

{durations}.

Units are `w` (seven days), `d`, `h`, `min` (or `m`) and `s`, also in full; the largest comes
first, each once. A number in quotes needs a unit; one without quotes is seconds. A year is the
most.

### Tokens

A whole number, or text with `K` (thousand) or `M` (million): `15000`, `"15K"`, `"1.5M"`.

### Commands

- The `run` of a gate and the `setup` of worktrees: text is a script for `sh -c`; a list is a
  program and its arguments, and no shell sees it.
- The `command` of an agent: text is split at spaces, with quotes as in a shell; a list is taken as
  it is. No shell sees either.

### Paths

All paths and globs are below the repository and written from its top, with `/`. No `..`, no `~`, no
leading `/`.

### Footprints

`files` of a task are globs: `*`, `?` and `[...]` stay within one folder, `**` stands for any number
of folders. A pattern that ends in `/` is the whole folder.

- Two tasks whose footprints can meet never work at the same time. When in doubt, they can.
- A task that touches a file outside its footprint has failed its attempt, and is told so.
- A task without `files` is held back by nobody's footprint and may touch everything.
"""

# What holds where the model has no value of its own, by section and key.
UNSAID: Final[dict[str, str]] = {
    "plan.name": "the file's name",
    "plan.base": "the branch of HEAD",
    "plan.target": "`deck/<plan>`",
    "plan.document": "none",
    "plan.source": "none is",
    "defaults.agent": '`"claude"`',
    "defaults.model": "the agent's own",
    "defaults.gates": "all, by their `when`",
    "defaults.sandbox": '`"none"`',
    "defaults.network": "`true`",
    "repos.base": "the branch of HEAD there",
    "repos.target": "`deck/<plan>`",
    "gates.repo": "all",
    "task.repo": "the plan's own",
    "remote.push": "nothing is pushed",
    "keep.progress": "none",
    "keep.tasks_json": "none",
    "keep.csv": "none",
    "tracker.repo": "that of the checkout's remote",
    "tracker.claim": "none",
    "tracker.failed": "none",
    "tracker.label": "none",
    "tracker.secret_env": "nothing comes in",
    "task.issue": "none",
    "queue.sign": "as your git says",
    "budget.usd": "no limit",
    "budget.tokens": "no limit",
    "budget.share": "no limit",
    "queue.resolver": "the task's own",
    "pools.budget": "no limit of its own",
    "pools.host": "this machine",
    "pools.size": "`max`",
    "pools.min": "`size`; 1 where that is left out",
    "pools.max": "`size`",
    "phase.budget": "no limit of its own",
    "task.budget": "no limit of its own",
    "agents.use": "the table's name, if an adapter is called so",
    "agents.command": "the adapter's own",
    "agents.model": "the defaults'",
    "agents.output": "the adapter's own",
    "agents.account": "the only one",
    "agents.skills": "the adapter's own",
    "agents.mcp": "none",
    "agents.settings": "the agent's own",
    "agents.resume": "it cannot",
    "agents.take_over": "a shell",
    "agents.input": "nothing",
    "agents.sandbox": "its adapter's, else the defaults'",
    "agents.network": "its adapter's, else the defaults'",
    "gates.run": "nothing is run",
    "gates.check": "none",
    "gates.timeout": "learned from green runs: 3 times their P95, 1m to 30m; 30m before 5 ran",
    "route.agent": "says nothing",
    "route.model": "says nothing",
    "route.pool": "says nothing",
    "route.match.id": "any",
    "route.match.phase": "any",
    "route.match.label": "any",
    "route.match.complexity": "any",
    "route.match.risk": "any",
    "route.match.kind": "any",
    "route.match.skill": "any",
    "route.match.min_tokens": "any",
    "route.match.max_tokens": "any",
    "worktree.setup": "none",
    "permission.task": "any",
    "worktree.root": "below the run's folder",
    "task.title": "none",
    "task.prompt": "the title",
    "task.prompt_file": "none",
    "phase.title": "none",
    "phase.gates": 'every gate with `when = "phase"`',
    "task.phase": "none",
    "task.agent": "by route, by skills, then the defaults'",
    "task.model": "by route, agent, then the defaults'",
    "task.pool": "by route, then by label or agent",
    "task.estimate": "unknown: counted as {estimate}",
    "task.tokens": "unknown",
    "task.risk": "unknown",
    "task.complexity": "unknown",
    "task.kind": "unknown",
    "task.line": "none",
    "task.gates": "the defaults'",
    "task.land": "the plan's",
    "task.review": "as `[review]` says",
    "review.model": "the agent's own",
    "review.prompt": "nothing more",
    "task.retries": "the defaults'",
    "task.timeout": "the defaults'",
    "task.idle_timeout": "the defaults'",
    "task.defer": "it is part of the run",
    "note.answer": "none",
    "note.line": "none",
    "claim.line": "none",
    "claim.strategy": "any",
    "claim.phase": "the whole plan",
    "claim.match": "any",
    "claim.model": "any",
    "claim.own_low": "none",
    "claim.own_high": "none",
}
