import { Argument, type Command } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function addCompletion(program: Command): void {
  program.command('completion').summary('Print a completion script for a shell.')
    .description('Print a completion script for a shell.')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText('after', '\nExamples:\n  belayctl completion bash > /etc/bash_completion.d/belayctl\n  belayctl completion zsh > "${fpath[1]}/_belayctl"\n  belayctl completion fish > ~/.config/fish/completions/belayctl.fish')
    .action((shell: Shell) => {
      process.stdout.write(shell === 'fish' ? fish(program) : bash(program, shell));
      process.exitCode = EXIT_CODES.done[0];
    });
}

type Place = { readonly path: readonly string[]; readonly words: readonly { readonly word: string; readonly about: string }[] };

/** Every command and what may follow it. */
function places(command: Command, path: readonly string[] = []): readonly Place[] {
  const words = [
    ...command.commands.map((each) => ({ word: each.name(), about: each.summary() })),
    ...command.registeredArguments.flatMap((argument) => (argument.argChoices ?? []).map((word) => ({ word, about: '' }))),
    ...command.options.map((option) => ({ word: option.long ?? option.short ?? '', about: option.description })),
  ];
  return [{ path, words }, ...command.commands.flatMap((each) => places(each, [...path, each.name()]))];
}

function bash(program: Command, shell: 'bash' | 'zsh'): string {
  const cases = places(program).map(({ path, words }) => `    '${path.join(' ')}') words='${words.map(({ word }) => word).join(' ')}' ;;`).join('\n');
  const script = `_belayctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; *) path="\${path:+$path }$word" ;; esac
  done
  while :; do
    case "$path" in
${cases}
    *) path="\${path% *}"; continue ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _belayctl belayctl
`;
  return shell === 'bash' ? script : `#compdef belayctl\nautoload -U +X bashcompinit && bashcompinit\n${script}`;
}

function fish(program: Command): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return `${places(program).flatMap(({ path, words }) => words.map(({ word, about }) => {
    const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    const condition = path.length === 0 ? '__fish_use_subcommand' : seen;
    const what = word.startsWith('--') ? `-l ${word.slice(2)}` : word.startsWith('-') ? `-s ${word.slice(1)}` : `-f -a ${word}`;
    return `complete -c belayctl -n ${quoted(condition)} ${what}${about === '' ? '' : ` -d ${quoted(about)}`}`;
  })).join('\n')}\n`;
}
