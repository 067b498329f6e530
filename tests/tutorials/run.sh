#!/usr/bin/env bash
# Runs a tutorial: a Markdown page whose commands must do what the page shows.
#   run.sh PAGE.md FOLDER [NAME=VALUE...]     FOLDER is emptied; the pairs are the commands' environment
#
# Of the page's fenced blocks these count, in order, all else is prose:
#   ```LANGUAGE FILE   the block is written to FILE (folders are made)
#   ```console         lines that begin with "$ " are commands (a "\" at the end goes on in the next
#                      line); what follows is their output, standard error included, to the letter, but
#                      for runs of blanks. "..." stands for any text within a line, and as a line of
#                      its own for any number of lines. A command whose last line of output reads
#                      "(exit code N)" must end so, any other with 0.
set -euo pipefail

page=$(realpath "$1")
folder=$2
shift 2
for pair in "$@"; do export "${pair?}"; done
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

failed() { printf '%s:%s: %s\n' "$page" "$line_number" "$1" >&2; exit 1; }

# Blanks in a row count as one, those at the end as none.
squeeze() { sed -E 's/[[:blank:]]+/ /g; s/ $//'; }

# Whether the lines of array $1 match those of array $2 (its "..." as described above), from $3 and $4 on.
matches() {
  local -n got=$1 want=$2
  local i=$3 j=$4
  while [ "$j" -lt ${#want[@]} ]; do
    if [ "${want[$j]}" = "..." ]; then
      local k
      for ((k = i; k <= ${#got[@]}; k++)); do
        matches "$1" "$2" "$k" $((j + 1)) && return 0
      done
      return 1
    fi
    [ "$i" -lt ${#got[@]} ] || return 1
    # A glob of which only the "..." are special.
    local pattern
    pattern=$(printf '%s' "${want[$j]}" | sed -e 's/[][\\*?]/\\&/g' -e 's/\.\.\./*/g')
    # shellcheck disable=SC2053
    [[ ${got[$i]} == $pattern ]] || return 1
    i=$((i + 1)) j=$((j + 1))
  done
  [ "$i" -eq ${#got[@]} ]
}

commands=0
run_command() {
  [ -n "$command" ] || return 0
  local code=0 expected_code=0 text
  if [ ${#expected[@]} -gt 0 ] && [[ ${expected[-1]} =~ ^\(exit\ code\ ([0-9]+)\)$ ]]; then
    expected_code=${BASH_REMATCH[1]}
    unset 'expected[-1]'
  fi
  text=$(bash -c "$command" 2>&1 </dev/null) || code=$?
  commands=$((commands + 1))
  local -a output=() wanted=()
  [ -z "$text" ] || mapfile -t output < <(printf '%s\n' "$text" | squeeze)
  [ ${#expected[@]} -eq 0 ] || mapfile -t wanted < <(printf '%s\n' "${expected[@]}" | squeeze)
  line_number=$command_line
  [ "$code" -eq "$expected_code" ] ||
    failed "'$command' ended with $code, not $expected_code:
$text"
  matches output wanted 0 0 || failed "'$command' printed
$text
where the page shows
$(printf '%s\n' "${expected[@]}")"
  command=
}

state=prose command='' command_line=0 file='' line_number=0
expected=()
while IFS= read -r line || [ -n "$line" ]; do
  line_number=$((line_number + 1))
  case "$state" in
    prose)
      if [[ $line =~ ^\`\`\`([a-z+]*)\ +([^\ ]+)$ ]]; then
        state=file file=${BASH_REMATCH[2]}
        mkdir -p "$(dirname "$file")"
        : >"$file"
      elif [ "$line" = '```console' ]; then
        state=console command='' expected=()
      elif [[ $line == '```'* ]]; then
        state=other
      fi ;;
    file)
      if [ "$line" = '```' ]; then state=prose; else printf '%s\n' "$line" >>"$file"; fi ;;
    other)
      if [ "$line" = '```' ]; then state=prose; fi ;;
    continued)
      command+=$'\n'$line
      if [[ $line != *\\ ]]; then state=console; fi ;;
    console)
      if [ "$line" = '```' ]; then
        run_command
        state=prose
      elif [[ $line == '$ '* ]]; then
        run_command
        command=${line#\$ } command_line=$line_number expected=()
        if [[ $line == *\\ ]]; then state=continued; fi
      elif [ -n "$command" ]; then
        expected+=("$line")
      else
        failed "output without a command: $line"
      fi ;;
  esac
done <"$page"
[ "$state" = prose ] || failed "a block does not end"
[ "$commands" -gt 0 ] || failed "no command was run"
echo "$commands commands did as $page shows"
