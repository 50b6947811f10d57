"""The completion scripts of bash, zsh and fish, written from the verbs as data.

Rules:
- Each walks the words before the cursor in the same way: the verb (one word or two), then options
  with their values, then arguments in order. `-C DIR` before the verb is passed over.
- Everything that is written into a script is quoted for its shell; the only program it starts is
  `agentdeck completions values KIND [RUN]`, whose errors it does not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from agentdeck.cli.completions import VerbWords

_HEAD = "# Made by `agentdeck completions {}`; print it again after an update.\n"

_BASH = r"""
_agentdeck_values() {
  case $1 in
    files) compgen -f -- "$2" ;;
    dirs) compgen -d -- "$2" ;;
    words:*) compgen -W "$(printf %s "${1#words:}" | tr , '\n')" -- "$2" ;;
    -) ;;
    *) compgen -W "$(command agentdeck completions values "$1" "$3" 2>/dev/null)" -- "$2" ;;
  esac
}

_agentdeck() {
  local line=${COMP_LINE:0:COMP_POINT} cur word verb='' run='' kind='' before=''
  local flags valued args verbs
  local -a words said=()
  read -ra words <<<"$line"
  if [[ $line == *[[:space:]] ]]; then cur=''; else cur=${words[-1]}; unset 'words[-1]'; fi
  local i
  for ((i = 1; i < ${#words[@]}; i++)); do
    word=${words[i]}
    if [[ -z $verb && $word == -C ]]; then ((i++)); continue; fi
    if [[ -z $verb ]]; then verb=$word; _agentdeck_verb "$verb"; continue; fi
    if [[ ${#said[@]} == 0 && -z $before ]] && _agentdeck_verb "$verb $word"; then
      verb="$verb $word"; continue
    fi
    if [[ -n $before ]]; then
      [[ $before == --run ]] && run=$word
      before=''
    elif [[ " $valued " == *" $word="* ]]; then before=$word
    elif [[ $word != -* ]]; then said+=("$word"); fi
  done
  COMPREPLY=()
  if [[ -z $verb && ${words[-1]} == -C ]]; then kind=dirs
  elif [[ -z $verb ]]; then
    _agentdeck_verb ''
    COMPREPLY=($(compgen -W "$flags $(_agentdeck_values aliases '')" -- "$cur"))
    return
  elif [[ -n $before ]]; then
    for word in $valued; do [[ $word == "$before="* ]] && kind=${word#*=}; done
  elif [[ $cur == -* ]]; then
    local option
    for option in $flags $valued; do
      [[ ${option%%=*} == "$cur"* ]] && COMPREPLY+=("${option%%=*}")
    done
    return
  else
    _agentdeck_verb "$verb"
    local -a kinds; read -ra kinds <<<"$args"
    local at=${#said[@]} last=$((${#kinds[@]} - 1))
    ((at > last)) && [[ $last -ge 0 && ${kinds[last]} == *+ ]] && at=$last
    [[ $last -ge 0 && -n ${kinds[at]:-} ]] && kind=${kinds[at]%+}
    if [[ ${#said[@]} == 0 ]]; then COMPREPLY=($(compgen -W "$verbs" -- "$cur")); fi
  fi
  local IFS=$'\n'
  [[ -n $kind ]] && COMPREPLY+=($(_agentdeck_values "$kind" "$cur" "$run"))
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${cur%:*}:"}")
  fi
  [[ $kind == files || $kind == dirs ]] && compopt -o filenames 2>/dev/null
}
complete -F _agentdeck agentdeck
"""

_ZSH = r"""
_agentdeck_values() {
  case $1 in
    files) _files ;;
    dirs) _files -/ ;;
    words:*) compadd -- ${(s:,:)1#words:} ;;
    -) ;;
    *) compadd -- ${(f)"$(command agentdeck completions values $1 $2 2>/dev/null)"} ;;
  esac
}

_agentdeck() {
  local verb='' run='' kind='' before='' flags valued args verbs word cur=$words[CURRENT]
  local -a said kinds
  local i
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    if [[ -z $verb && $word == -C ]]; then ((i++)); continue; fi
    if [[ -z $verb ]]; then verb=$word; _agentdeck_verb "$verb"; continue; fi
    if (( ! $#said )) && [[ -z $before ]] && _agentdeck_verb "$verb $word"; then
      verb="$verb $word"; continue
    fi
    if [[ -n $before ]]; then
      [[ $before == --run ]] && run=$word
      before=''
    elif [[ " $valued " == *" $word="* ]]; then before=$word
    elif [[ $word != -* ]]; then said+=($word); fi
  done
  if [[ -z $verb && $words[CURRENT-1] == -C ]]; then _files -/; return; fi
  if [[ -z $verb ]]; then
    _agentdeck_verbs
    compadd -- ${(f)"$(command agentdeck completions values aliases 2>/dev/null)"}
    return
  fi
  if [[ -n $before ]]; then
    for word in ${=valued}; do [[ $word == $before=* ]] && kind=${word#*=}; done
  elif [[ $cur == -* ]]; then
    compadd -- ${=flags} ${${=valued}%%=*}
    return
  else
    _agentdeck_verb "$verb"
    kinds=(${=args})
    local at=$(($#said + 1))
    (( $#kinds && at > $#kinds )) && [[ $kinds[-1] == *+ ]] && at=$#kinds
    kind=${kinds[at]%+}
    (( ! $#said )) && [[ -n $verbs ]] && compadd -- ${=verbs}
  fi
  [[ -n $kind ]] && _agentdeck_values $kind $run
}

if [[ $funcstack[1] == _agentdeck ]]; then _agentdeck "$@"; else compdef _agentdeck agentdeck; fi
"""

_FISH = r"""
function __agentdeck_values
    switch $argv[1]
        case files
            __fish_complete_path (commandline -ct)
        case dirs
            __fish_complete_directories (commandline -ct) ''
        case 'words:*'
            string split , (string replace words: '' -- $argv[1])
        case -
        case '*'
            command agentdeck completions values $argv[1..] 2>/dev/null
    end
end

function __agentdeck_complete
    set -l typed (commandline -opc)
    set -l cur (commandline -ct)
    set -l verb ''
    set -l run
    set -l before ''
    set -l said
    set -l i 2
    while test $i -le (count $typed)
        set -l word $typed[$i]
        set i (math $i + 1)
        if test -z "$verb" -a "$word" = -C
            set i (math $i + 1)
            continue
        end
        if test -z "$verb"
            set verb $word
            __agentdeck_verb $verb
            continue
        end
        if test (count $said) -eq 0 -a -z "$before"; and __agentdeck_verb "$verb $word"
            set verb "$verb $word"
            continue
        end
        if test -n "$before"
            test "$before" = --run; and set run $word
            set before ''
        else if string match -q -- "$word=*" $__agentdeck_valued
            set before $word
        else if not string match -q -- '-*' $word
            set -a said $word
        end
    end
    if test -z "$verb"
        if test "$typed[-1]" = -C
            __agentdeck_values dirs
            return
        end
        __agentdeck_verbs
        __agentdeck_values aliases
    else if test -n "$before"
        for word in $__agentdeck_valued
            string match -q -- "$before=*" $word
            and __agentdeck_values (string replace -- "$before=" '' $word) $run
        end
    else if string match -q -- '-*' $cur
        printf '%s\n' $__agentdeck_flags
        string replace -r -- '=.*' '' $__agentdeck_valued
    else
        __agentdeck_verb $verb
        set -l at (math (count $said) + 1)
        set -l last (count $__agentdeck_args)
        if test $last -gt 0
            test $at -gt $last
            and string match -q -- '*+' $__agentdeck_args[$last]
            and set at $last
            test $at -le $last
            and __agentdeck_values (string replace -r -- '\+$' '' $__agentdeck_args[$at]) $run
        end
        test (count $said) -eq 0; and printf '%s\n' $__agentdeck_more
    end
end

complete -c agentdeck -f -a '(__agentdeck_complete)'
"""


def bash(verbs: Sequence[VerbWords]) -> str:
    """For bash from 4.2 on."""
    return _HEAD.format("bash") + _table(verbs) + _BASH


def zsh(verbs: Sequence[VerbWords]) -> str:
    """For zsh; a file of `$fpath`, or read by `source`."""
    named = "\n".join(
        f"    {quote(f'{verb.name}:{verb.sentence}')}" for verb in verbs if " " not in verb.name
    )
    listed = f"_agentdeck_verbs() {{\n  local -a all=(\n{named}\n  )\n  _describe verb all\n}}\n"
    return "#compdef agentdeck\n" + _HEAD.format("zsh") + _table(verbs) + listed + _ZSH


def fish(verbs: Sequence[VerbWords]) -> str:
    """For fish."""
    cases = "\n".join(
        f"        case {quote(verb.name)}\n"
        f"            set -g __agentdeck_flags {' '.join(verb.flags)}\n"
        f"            set -g __agentdeck_valued {' '.join(map(quote, _valued(verb)))}\n"
        f"            set -g __agentdeck_args {' '.join(map(quote, verb.arguments))}\n"
        f"            set -g __agentdeck_more {' '.join(_more(verb, verbs))}"
        for verb in verbs
    )
    table = (
        f"function __agentdeck_verb\n    switch \"$argv[1]\"\n{cases}\n        case '*'\n"
        "            return 1\n    end\nend\n"
    )
    named = "\n".join(
        f"    printf '%s\\t%s\\n' {quote(verb.name)} {_fish_quote(verb.sentence)}"
        for verb in verbs
        if " " not in verb.name
    )
    listed = f"function __agentdeck_verbs\n{named}\nend\n"
    return _HEAD.format("fish") + table + listed + _FISH


def _table(verbs: Sequence[VerbWords]) -> str:
    """`_agentdeck_verb NAME`: what may stand in its line; false where there is no such verb."""
    names = [verb.name for verb in verbs if " " not in verb.name]
    first = " ".join([*names, "--help", "--version", "-C"])
    rows = [f"    '') flags={quote(first)} valued='' args='' verbs='' ;;"]
    rows += [
        f"    {quote(verb.name)}) flags={quote(' '.join(verb.flags))}"
        f" valued={quote(' '.join(_valued(verb)))} args={quote(' '.join(verb.arguments))}"
        f" verbs={quote(' '.join(_more(verb, verbs)))} ;;"
        for verb in verbs
    ]
    body = "\n".join(rows)
    return f"_agentdeck_verb() {{\n  case $1 in\n{body}\n    *) return 1 ;;\n  esac\n}}\n"


def _valued(verb: VerbWords) -> list[str]:
    return [f"{option}={kind}" for option, kind in verb.valued]


def _more(verb: VerbWords, verbs: Sequence[VerbWords]) -> list[str]:
    """The second words that a group takes."""
    begins = f"{verb.name} "
    return [other.name.removeprefix(begins) for other in verbs if other.name.startswith(begins)]


def _fish_quote(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inner}'"


__all__ = ["bash", "fish", "zsh"]
