"""The files of the throw-away repository in which the demo plan runs.

Rules: what the gates of `sample_plans/demo.toml` need is here, in plain `sh` and git, so that the
demo works on any machine on which agentdeck does. Pauses are there to be seen.
"""

from __future__ import annotations

from typing import Final

_README: Final = """\
# linkshelf

A small web service that keeps links, with tags and search. It exists only to show agentdeck at
work: nobody has to maintain it, and everything in it may be deleted.

    sh tools/check.sh     # is anything left half done?
    sh tools/test.sh      # the tests
    sh tools/smoke.sh     # are all parts of the foundation there?
"""

_CHANGELOG: Final = """\
# Changes

## Next version

- The service answers at /.
"""

_APP: Final = '''\
"""The entry point: answers at /."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"linkshelf\\n"]
'''

_CHECK: Final = """\
#!/bin/sh
# Fails while something in src/ is marked as half done.
set -eu
if git grep -n FIXME -- src; then
  echo "check: finish what is marked FIXME" >&2
  exit 1
fi
echo "check: nothing is left half done"
"""

_TEST: Final = """\
#!/bin/sh
# Stands for a test suite: looks at every module, and takes a second as tests do.
set -eu
number=0
for module in src/*.py; do
  number=$((number + 1))
  if ! test -s "$module"; then
    echo "not ok $number - $module is empty" >&2
    exit 1
  fi
  echo "ok $number - $module"
done
sleep 1
echo "1..$number"
"""

_SMOKE: Final = """\
#!/bin/sh
# Are all parts of the foundation there?
set -eu
for part in src/schema.sql src/config.py src/router.py static/base.css; do
  if ! test -s "$part"; then
    echo "smoke: $part is missing" >&2
    exit 1
  fi
  echo "smoke: $part is there"
done
"""


def demo_files() -> dict[str, str]:
    """Path below the repository -> text, for its first commit."""
    return {
        ".gitignore": "__pycache__/\n*.db\n",
        "CHANGELOG.md": _CHANGELOG,
        "README.md": _README,
        "src/app.py": _APP,
        "tools/check.sh": _CHECK,
        "tools/smoke.sh": _SMOKE,
        "tools/test.sh": _TEST,
    }
