import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A completion script made from the commands themselves. */
export function completionFor(shell: Shell, program: Command): string {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    about: command.summary() || command.description(),
    options: command.options.map((option) => option.long ?? '').filter(Boolean),
  }));
  if (shell === 'fish') {
    return commands.flatMap(({ name, about, options }) => [
      `complete -c belay -f -n __fish_use_subcommand -a ${name} -d '${about.replaceAll("'", '')}'`,
      ...options.map((option) => `complete -c belay -f -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`),
    ]).join('\n') + '\n';
  }
  const cases = commands.map(({ name, options }) => `    ${name}) words='${options.join(' ')}' ;;`).join('\n');
  const bash = `_belay() {
  local words
  case "\${COMP_WORDS[1]}" in
${cases}
    *) words='' ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words='${commands.map(({ name }) => name).join(' ')}'; fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _belay belay
`;
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bash}` : bash;
}
