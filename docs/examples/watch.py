"""Say what happens in a run, and answer what its agents ask: `python watch.py [RUN] [AFTER]`.

It ends when the run has finished, or when nothing moves without a person. The number behind each
line is the cursor: given as AFTER, it goes on behind that event.
"""

import sys

import agentdeck


def answer(deck, event):
    if event.data.get("ask") == "permission":
        return  # what an agent may do is for a person to say
    try:
        deck.answer(event.task, "Do as you think best.", question=event.data["question"])
    except agentdeck.RefusedError as refused:  # a person was faster
        print(f"{event.task}: {refused}")


def main(run=None, after=0):
    with agentdeck.Client.of(run) as deck:
        status = deck.status()
        print(f"{status.run}: {status.state}, {status.landed} of {status.tasks} landed")
        for event in deck.events(after):
            match event.kind:
                case "attempt.asked":
                    print(f"{event.task} asks: {event.data['text']}  [{event.seq}]", flush=True)
                    answer(deck, event)
                case "task.failed":
                    print(f"{deck.explain(event.task)}  [{event.seq}]", flush=True)
                case "entry.landed" if event.task:
                    print(f"{event.task} has landed  [{event.seq}]", flush=True)
                case "run.finished":
                    print(f"the run is {event.data['outcome']}  [{event.seq}]", flush=True)
            if event.kind == "task.failed" and deck.status().why:
                for item in deck.inbox():
                    print(f"for you: agentdeck {item.command}")
                return 6
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2], *map(int, sys.argv[2:3])))
    except agentdeck.DeckError as error:
        sys.exit(f"{error.message}\n{error.hint}")
