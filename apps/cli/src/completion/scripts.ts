/** What a shell is told to do: ask `sluice __complete`, which knows the grammar, on each Tab. */

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/**
 * bash parts words at `:`, `=` and `>` besides blanks, and replaces what is behind the last of them: the line goes to sluice as it is, and of each
 * candidate the part that stands there already is taken off.
 */
const bash = `# bash completion for sluice: source <(sluice completion bash)
_sluice() {
  local line=\${COMP_LINE:0:COMP_POINT} candidate
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("$candidate")
  done < <(sluice __complete --line "$line" --breaks "$COMP_WORDBREAKS" 2>/dev/null)
  # Behind "field=" the value follows at once.
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o default -F _sluice sluice
`;

const zsh = `#compdef sluice
# zsh completion for sluice: source <(sluice completion zsh), or as _sluice in a folder of $fpath
_sluice() {
  local -a lines candidates
  local line
  lines=("\${(@f)$(sluice __complete --describe -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    [[ -n $line ]] && candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( $#candidates )); then
    _describe 'sluice' candidates
  else
    _files
  fi
}
if [[ $funcstack[1] == _sluice ]]; then
  _sluice "$@"
else
  compdef _sluice sluice
fi
`;

const fish = `# fish completion for sluice: sluice completion fish | source
function __sluice_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (sluice __complete --describe -- $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c sluice -f -a '(__sluice_complete)'
`;

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };

export function scriptFor(shell: Shell): string {
  return scripts[shell];
}
