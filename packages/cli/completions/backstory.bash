# Completes `backstory` and `npx backstory` in bash. What may follow is asked of the command itself: of the project's own
# (node_modules/.bin, here or above), else of the one in the PATH.

_backstory_command() {
  local folder=$PWD
  while [[ -n $folder ]]; do
    REPLY=$folder/node_modules/.bin/backstory
    [[ -x $REPLY ]] && return
    folder=${folder%/*}
  done
  REPLY=$(type -P backstory)
}

_backstory() {
  local REPLY kind candidate
  COMPREPLY=()
  [[ $COMP_LINE == *backstory* ]] || return 0
  _backstory_command
  [[ -n $REPLY ]] || return 0
  {
    read -r kind
    # Each line is text for the command line, quoted as it has to be. Nothing is evaluated.
    while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done
  } < <("$REPLY" completion bash -- "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null </dev/null)
  case $kind in
    open*) compopt -o nospace 2>/dev/null ;;
    files*) compopt -o default 2>/dev/null ;;
  esac
  return 0
}

complete -F _backstory backstory
# Where something else completes npx already, it stays.
complete -p npx &>/dev/null || complete -o default -F _backstory npx
