#!/bin/sh
# Stands in for the hooks of git in what an agent starts, and runs the repository's own in its turn.
#
# Rules:
# - In the repository of the run an agent may move the refs of its own worktree, its own branch, and
#   branches and tags that it has made itself. Any other move is refused, noted and said.
# - In any other repository nothing is refused.
# - The hook that git would have found without us runs with the same arguments, input and folder.

here=${0%/*}
name=${0##*/}
{ IFS= read -r common && IFS= read -r entry && IFS= read -r own; } <"$here/own" || exit 0

# Whether the moves may be, by their lines on stdin: of a transaction, or of a push to this repository.
permitted() {
    where=$(git rev-parse --path-format=absolute --git-common-dir --git-dir 2>/dev/null) || return 0
    [ "${where%%
*}" = "$common" ] || return 0
    while read -r _ _ ref _; do
        if [ "${where##*
}" != "$entry" ]; then
            refuse "$ref" "it belongs to a worktree of somebody else"
            return 1
        fi
        case $ref in
        "$own" | refs/worktree/* | refs/bisect/* | refs/rewritten/* | refs/remotes/*) ;;
        refs/heads/deck/* | refs/agentdeck/* | refs/stash | refs/replace/*)
            refuse "$ref" "it is not yours"
            return 1
            ;;
        refs/*)
            if [ -e "$here/made" ] && grep -Fqx -e "$ref" "$here/made"; then
                continue
            fi
            if git rev-parse --quiet --verify "$ref" >/dev/null 2>&1; then
                refuse "$ref" "it was there before you"
                return 1
            fi
            printf '%s\n' "$ref" >>"$here/made"
            ;;
        worktrees/* | main-worktree/*)
            refuse "$ref" "it belongs to a worktree of somebody else"
            return 1
            ;;
        esac
    done
}

refuse() {
    printf '%s\n' "$1" >>"$here/refused"
    printf 'agentdeck: %s was not moved: %s. Commit on the branch that is checked out here.\n' \
        "$1" "$2" >&2
}

# The folder of hooks that git would look into: the last one that is set and is none of ours.
folder() {
    git config --type=path --get-all core.hooksPath 2>/dev/null | {
        found=
        while IFS= read -r path; do
            [ -e "$path/own" ] && [ -e "$path/reference-transaction" ] || found=$path
        done
        [ -n "$found" ] || found=$(git rev-parse --git-common-dir)/hooks
        printf '%s\n' "$found"
    }
}

# Is it a push to the repository of the run? Its other end starts without our settings.
to_itself() {
    there=$(git -C "${1#file://}" rev-parse --path-format=absolute --git-common-dir 2>/dev/null)
    [ "$there" = "$common" ]
}

if [ "$name" = reference-transaction ] || [ "$name" = pre-push ]; then
    moves=$(cat)
    if [ "$1" = prepared ] || { [ "$name" = pre-push ] && to_itself "$2"; }; then
        permitted <<MOVES || exit 1
$moves
MOVES
    fi
    theirs=$(folder)/$name
    [ -x "$theirs" ] || exit 0
    printf '%s\n' "$moves" | "$theirs" "$@"
    exit
fi
theirs=$(folder)/$name
[ -x "$theirs" ] || exit 0
exec "$theirs" "$@"
