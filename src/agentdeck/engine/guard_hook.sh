#!/bin/sh
# Stands in for the hooks of git in what an agent starts, and runs the repository's own in its turn.
#
# Rules:
# - In the repository of the run an agent may move the refs of its own worktree, its own branch, and
#   branches and tags that it has made itself. Any other move is refused, noted and said.
# - In any other repository nothing is refused.
# - The hook that git would have found without us runs with the same arguments, input and folder.
# - A commit runs six hooks, and a test suite may make hundreds of commits: where this shell can tell
#   where it is and what is set, no git is started to be asked.

here=${0%/*}
name=${0##*/}
{
    IFS= read -r common  # the git directory of the run's repository
    IFS= read -r entry   # that of the agent's worktree
    IFS= read -r own     # the ref of its branch; empty = none
    IFS= read -r tree    # its worktree
    IFS= read -r ours    # where the repository has its hooks, as it was when the agent began
    IFS= read -r general # not empty: what is set for all repositories says where hooks are
} <"$here/own" || exit 0
line_break='
'

# Where are we: in `own`, the worktree of the agent; in `another` repository; or `beside` it, in
# another worktree of the same one? Functions here answer in variables: a subshell costs a process.
if [ "$PWD" = "$tree" ] && [ "${GIT_DIR:-$entry}" = "$entry" ]; then
    place=own
elif [ -d .git ] && [ "${GIT_DIR:-.git}" = .git ] && [ "$(pwd -P)/.git" != "$common" ]; then
    place=another
else
    case $(git rev-parse --path-format=absolute --git-common-dir --git-dir 2>/dev/null) in
    "$common$line_break$entry") place=own ;;
    "$common$line_break"*) place=beside ;;
    *) place=another ;;
    esac
fi

# Whether the moves may be, by their lines on stdin: of a transaction, or of a push to ourselves.
permitted() {
    [ "$place" != another ] || return 0
    while read -r _ _ ref _; do
        if [ "$place" = beside ]; then
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

# Is it a push to the repository of the run? Its other end starts without our settings.
to_itself() {
    there=$(git -C "${1#file://}" rev-parse --path-format=absolute --git-common-dir 2>/dev/null)
    [ "$there" = "$common" ]
}

# The folder of hooks that git would look into without us.
find_folder() {
    case $place in
    own)
        folder=$ours
        [ "$common/config" -nt "$here/own" ] || return 0
        ;;
    another)
        folder=.git/hooks
        if [ -z "$general" ] && [ -f .git/config ] && ! says_where .git/config; then
            return 0
        fi
        ;;
    esac
    folder=
    set_folders=$(git config --type=path --get-all core.hooksPath 2>/dev/null)
    while IFS= read -r path; do # the last one that is none of ours
        [ -e "$path/own" ] && [ -e "$path/reference-transaction" ] || folder=$path
    done <<FOLDERS
$set_folders
FOLDERS
    [ -n "$folder" ] || folder=$(git rev-parse --git-common-dir)/hooks
}

# May a file of settings say where hooks are? It is not understood here, only looked through.
says_where() {
    while IFS= read -r line; do
        case $line in
        *[hH][oO][oO][kK][sS][pP][aA][tT][hH]* | *[iI][nN][cC][lL][uU][dD][eE]*) return 0 ;;
        esac
    done <"$1"
    return 1
}

find_folder
theirs=$folder/$name
case $name:$1 in
reference-transaction:prepared | pre-push:*)
    if [ "$name" != pre-push ] || to_itself "$2"; then
        if [ ! -x "$theirs" ]; then
            permitted
            exit
        fi
        moves=$(cat)
        printf '%s\n' "$moves" | permitted || exit 1
        printf '%s\n' "$moves" | "$theirs" "$@"
        exit
    fi
    ;;
esac
[ -x "$theirs" ] || exit 0
exec "$theirs" "$@"
