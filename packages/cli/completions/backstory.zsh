# Completes `backstory` and `npx backstory` in zsh. What may follow is asked of the command itself: of the project's own
# (node_modules/.bin, here or above), else of the one in the PATH.

_backstory_command() {
  local folder=$PWD
  while [[ -n $folder ]]; do
    REPLY=$folder/node_modules/.bin/backstory
    [[ -x $REPLY ]] && return
    folder=${folder%/*}
  done
  REPLY=${commands[backstory]-}
}

_backstory() {
  emulate -L zsh
  local REPLY kind word value description
  local -a before values shown
  _backstory_command
  [[ -n $REPLY ]] || return 1
  before=("${(@Q)words[1,CURRENT-1]}")
  # In quotes a backslash is a backslash.
  [[ $compstate[quote] == "'" ]] && word=$PREFIX || word=${(Q)PREFIX}
  {
    read -r kind
    while IFS=$'\t' read -r value description; do
      values+=("$value")
      shown+=("$value${description:+  -- $description}")
    done
  } < <("$REPLY" completion zsh -- "${before[@]}" "$word" 2>/dev/null </dev/null)
  # zsh quotes what it inserts. Nothing is evaluated.
  case $kind in
    files*)
      compset -P "${(l:${kind#* }::?:)}"
      _files
      ;;
    open*) compadd -l -d shown -S '' -- "${values[@]}" ;;
    words*) compadd -l -d shown -- "${values[@]}" ;;
  esac
}

_backstory_npx() {
  if (( ${words[(I)backstory]} )) && (( ${words[(I)backstory]} < CURRENT )); then
    _backstory
  else
    ${_backstory_before_npx:-_default}
  fi
}

# Where something else completes npx already, it still does, for other commands.
(( $+_backstory_before_npx )) || typeset -g _backstory_before_npx=${_comps[npx]-}
compdef _backstory backstory
compdef _backstory_npx npx
